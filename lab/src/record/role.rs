//! The role of a curve as a frame carries it: whoever knows only theory and data is told one of the two.

use super::Role;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct Wire {
    role: Told,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    line: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Told {
    Theory,
    Data,
}

impl From<Role> for Wire {
    fn from(role: Role) -> Self {
        match role {
            Role::Theory => Self { role: Told::Theory, line: false },
            Role::Data => Self { role: Told::Data, line: false },
            Role::Line => Self { role: Told::Data, line: true },
        }
    }
}

impl From<Wire> for Role {
    fn from(wire: Wire) -> Self {
        match wire {
            Wire { role: Told::Theory, .. } => Self::Theory,
            Wire { role: Told::Data, line } => {
                if line {
                    Self::Line
                } else {
                    Self::Data
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::record::{Curve, Role};
    use serde_json::json;

    #[test]
    fn a_line_of_data_is_data_to_whoever_does_not_know_it() {
        for (role, told) in [
            (Role::Theory, json!({ "role": "theory" })),
            (Role::Data, json!({ "role": "data" })),
            (Role::Line, json!({ "role": "data", "line": true })),
        ] {
            let curve = Curve { label: "a".to_owned(), role, x: Vec::new(), y: Vec::new(), y_error: None, converged: None };
            let mut wire = serde_json::to_value(&curve).unwrap();
            assert_eq!(serde_json::from_value::<Curve>(wire.clone()).unwrap().role, role);
            wire.as_object_mut().unwrap().retain(|name, _| ["role", "line"].contains(&name.as_str()));
            assert_eq!(wire, told);
        }
    }
}
