//! Points as Parquet: columns `name`, `arm` (null for the whole run), `step`, `time` (ms, UTC) and `value`.

use super::{ExportError, Source};
use parquet::{
    data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type},
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::parser::parse_message_type,
};
use std::{io::Write, sync::Arc};

const SCHEMA: &str = "message points {
    REQUIRED BYTE_ARRAY name (UTF8);
    OPTIONAL BYTE_ARRAY arm (UTF8);
    REQUIRED INT64 step;
    REQUIRED INT64 time (TIMESTAMP(MILLIS,true));
    REQUIRED DOUBLE value;
}";
/// Rows of a group: what is held at once.
const GROUP: usize = 65_536;

/// The rows of a group, column by column.
#[derive(Default)]
struct Rows {
    names: Vec<ByteArray>,
    /// The arms that are not null, and for every row whether it has one.
    arms: Vec<ByteArray>,
    has_arm: Vec<i16>,
    steps: Vec<i64>,
    times: Vec<i64>,
    values: Vec<f64>,
}

impl Rows {
    fn write<W: Write + Send>(&mut self, file: &mut SerializedFileWriter<W>) -> Result<(), ExportError> {
        if self.steps.is_empty() {
            return Ok(());
        }
        let mut group = file.next_row_group()?;
        let mut column = 0;
        while let Some(mut writer) = group.next_column()? {
            match column {
                0 => writer.typed::<ByteArrayType>().write_batch(&self.names, None, None)?,
                1 => writer.typed::<ByteArrayType>().write_batch(&self.arms, Some(&self.has_arm), None)?,
                2 => writer.typed::<Int64Type>().write_batch(&self.steps, None, None)?,
                3 => writer.typed::<Int64Type>().write_batch(&self.times, None, None)?,
                _ => writer.typed::<DoubleType>().write_batch(&self.values, None, None)?,
            };
            writer.close()?;
            column += 1;
        }
        group.close()?;
        *self = Self::default();
        Ok(())
    }
}

pub(super) fn write(source: &Source, out: &mut (impl Write + Send)) -> Result<(), ExportError> {
    let properties = WriterProperties::builder().set_created_by(format!("Engram {}", worker::VERSION)).build();
    let mut file = SerializedFileWriter::new(out, Arc::new(parse_message_type(SCHEMA)?), Arc::new(properties))?;
    let mut rows = Rows::default();
    for series in source.series()? {
        let (name, arm) = (ByteArray::from(series.name.as_str()), ByteArray::from(series.arm.as_str()));
        source.points(&series, |points| {
            for point in points {
                rows.names.push(name.clone());
                rows.has_arm.push(i16::from(!series.arm.is_empty()));
                if !series.arm.is_empty() {
                    rows.arms.push(arm.clone());
                }
                rows.steps.push(point.step);
                rows.times.push(point.time_ms);
                rows.values.push(point.value);
                if rows.steps.len() == GROUP {
                    rows.write(&mut file)?;
                }
            }
            Ok(())
        })?;
    }
    rows.write(&mut file)?;
    file.close()?;
    Ok(())
}
