//! The constants of the theory against values computed independently, to the last digit given, and identities.

use super::{
    broken_branch::Search,
    broken_ground_state::BrokenTheory,
    capacity::{broken_capacity, broken_ground_state_load, ground_state_load},
    glass::{broken_glass, broken_glass_energy, transitions},
    ground_state,
    model::{Model, Tuples},
    one_step::{OneStep, Order},
    replica_symmetric::ReplicaSymmetric,
    spinodal::{crosstalk_at_zero, golden_section, spinodal, zero_load_end, zero_load_transition},
    split::split,
};
use crate::theory::{normal_distribution::ln_cumulative, root_finding::brent};
use std::f64::consts::{LN_2, PI};

/// Load, temperature, theta, q2, pressure and replicon of the one-step-broken glass of pairs: the stationary point of the pressure, with numbers of
/// 25 digits and adaptive quadrature.
const PAIRS: [(f64, f64, f64, f64, f64, f64); 3] = [
    (0.1, 0.5, 0.044_692_276_5, 0.643_916_678_8, 1.318_304_003_329, -0.201_331_705),
    (0.1, 1.1, 0.027_391_437_8, 0.168_107_824_9, 0.804_017_615_521, -0.008_224_076),
    (0.05, 0.2, 0.022_196_485_2, 0.852_180_999_8, 2.609_315_041_043, -0.821_031_364),
];

/// Order, temperature, loads with a broken retrieval state, the last close to the largest, and a load beyond.
const WARM: [(u32, f64, [f64; 2], f64); 3] =
    [(2, 0.01, [0.1370, 0.1378], 0.1390), (3, 0.1, [0.14, 0.154], 0.156), (4, 0.1, [0.036, 0.0382], 0.0386)];

/// Equal to the digits that are given: within half a unit of the last.
fn digits(name: &str, found: f64, expected: f64, decimals: i32) {
    let unit = 10f64.powi(-decimals);
    assert!((found - expected).abs() <= 0.5001 * unit, "{name}: {found:.12} is not {expected} to {decimals} decimals");
}

#[test]
fn replica_symmetric_capacities_at_zero_temperature() {
    for (order, load, gamma, m) in [
        (2, 0.137_905_57, 0.137_905_57, 0.967_417),
        (3, 0.126_095_22, 0.378_285_65, 0.838_482),
        (4, 0.032_976_69, 0.395_720_24, 0.917_922),
        (5, 0.007_198_86, 0.431_931_39, 0.947_243),
        (6, 0.001_314_00, 0.473_038_61, 0.961_987),
    ] {
        let found = spinodal(Model::distinct(order, 1.0), 0.0).unwrap();
        digits("load", found.load, load, 8);
        digits("gamma", Model::distinct(order, found.load).gamma(), gamma, 8);
        digits("m", found.magnetisation, m, 6);
    }
    for (order, load) in [(3, 0.084_063_5), (4, 0.013_190_7)] {
        digits("power", spinodal(Model { tuples: Tuples::Power, ..Model::distinct(order, 1.0) }, 0.0).unwrap().load, load, 7);
    }
}

#[test]
fn one_step_broken_capacities_at_zero_temperature() {
    for (order, load, decimals, m) in
        [(2, 0.138_186, 6, 0.967), (3, 0.153_74, 5, 0.65), (4, 0.038_195, 6, 0.82), (5, 0.008_143_3, 7, 0.88), (6, 0.001_465_9, 7, 0.92)]
    {
        let found = broken_capacity(Model::distinct(order, 1.0)).unwrap();
        println!("P = {order}: {found:?}");
        assert!(found.converged && found.residual <= 1e-10, "{found:?}");
        digits("load", found.load, load, decimals);
        assert!((found.magnetisation - m).abs() < 0.011, "{found:?}");
        assert!(found.load > spinodal(Model::distinct(order, 1.0), 0.0).unwrap().load);
        if order == 2 {
            // Around its largest the load hardly depends on m; the state known is a little beyond.
            let known = BrokenTheory::new(Model::distinct(2, 1.0)).at_magnetisation(0.9666, &found);
            digits("load", known.load, load, decimals);
            digits("q1", known.overlap, 0.996_46, 5);
            digits("D", known.breakpoint, 36.6, 1);
        }
    }
}

#[test]
fn the_crosstalk_at_zero_temperature_has_its_maximum_where_it_is_known_to() {
    for (order, y) in [(2, 1.511_218_55), (3, 0.989_939_08), (4, 1.229_484_47)] {
        // Five points, whose error is of the fourth order.
        let at = |y: f64| crosstalk_at_zero(order, y);
        let slope =
            |y: f64, width: f64| (8.0 * (at(y + width) - at(y - width)) - at(y + 2.0 * width) + at(y - 2.0 * width)) / (12.0 * width);
        let found = brent(|y| slope(y, 2e-3), 0.8, 1.8, 1e-12).unwrap();
        // The reference of P = 4 comes from a maximum, which gives half of the digits.
        assert!((found - y).abs() < if order == 4 { 3e-7 } else { 1e-8 }, "P = {order}: {found}, known {y}");
    }
}

#[test]
fn a_single_pattern_is_retrieved_up_to_a_temperature_and_lowest_up_to_another() {
    for (order, end, transition) in [(3, 0.582_583, 0.495_969), (4, 0.495_786, 0.362_949), (6, 0.422_720, 0.240_535)] {
        digits("end", zero_load_end(order), end, 6);
        digits("transition", zero_load_transition(order), transition, 6);
        // The spinodal ends there.
        let load = |temperature: f64| spinodal(Model::distinct(order, 1.0), temperature).map_or(0.0, |found| found.load);
        assert!(load(end - 0.001) > 0.0 && load(end - 0.001) < 0.01 * load(0.5 * end) && load(end + 0.001) == 0.0, "P = {order}");
    }
    assert_eq!((zero_load_end(2), zero_load_transition(2)), (1.0, 1.0));
}

#[test]
fn replica_symmetric_spinodals_at_higher_temperatures() {
    for (order, points) in [
        (2, &[(0.1, 0.1351), (0.2, 0.1226), (0.3, 0.1033), (0.5, 0.0588)][..]),
        (3, &[(0.1, 0.1395), (0.2, 0.1495), (0.3, 0.1548), (0.4, 0.1413), (0.5, 0.0775)]),
        (4, &[(0.05, 0.0348), (0.1, 0.0363), (0.2, 0.0382), (0.3, 0.0365), (0.4, 0.0228)]),
    ] {
        for (temperature, load) in points {
            let found = spinodal(Model::distinct(order, 1.0), *temperature).unwrap();
            // The references come from bisection on whether iteration still retrieves: good to one unit of the last digit.
            assert!((found.load - load).abs() < 1e-4, "P = {order}, T = {temperature}: {found:?} {load}");
        }
    }
}

#[test]
fn retrieval_states_at_zero_temperature() {
    for (order, load, m) in
        [(3, 0.08, 0.984_640_64), (3, 0.10, 0.961_138_59), (3, 0.12, 0.906_610_83), (4, 0.025, 0.986_940_66), (4, 0.03, 0.966_857_17)]
    {
        digits("m", ground_state::retrieval(Model::distinct(order, load)).unwrap().magnetisation, m, 8);
    }
    for (order, load, m, q, d, energy) in
        [(3, 0.12, 0.923_253, 0.970_848, 9.19, 0.343_494), (4, 0.03, 0.969_729, 0.990_873, 15.34, 0.253_374)]
    {
        let found = BrokenTheory::new(Model::distinct(order, 1.0)).retrieval(load).found().unwrap();
        digits("m", found.magnetisation, m, 6);
        digits("q1", found.overlap, q, 6);
        digits("D", found.breakpoint, d, 2);
        digits("energy", -found.energy, energy, 6);
    }
}

#[test]
fn retrieval_states_above_zero_temperature() {
    for (order, load, m) in
        [(2, 0.05, 0.998_878), (2, 0.1, 0.989_085), (3, 0.05, 0.992_928), (3, 0.08, 0.972_703), (4, 0.015, 0.994_695), (4, 0.02, 0.987_451)]
    {
        let found = ReplicaSymmetric::new(Model::distinct(order, load), 0.2).retrieval();
        assert!(found.converged);
        digits("m", found.magnetisation, m, 6);
    }
    let found = ReplicaSymmetric::new(Model::distinct(4, 0.02), 0.1).retrieval();
    // Computed with a rule of 3,001 nodes up to 8.5.
    digits("m", found.magnetisation, 0.994_239_593_3, 10);
    digits("q", found.overlap, 0.995_061_410_4, 10);
    // On Nishimori's line T = B m and q are equal.
    let found = ReplicaSymmetric::new(Model::distinct(3, 0.1), 0.2).retrieval();
    digits("m", found.magnetisation, 0.948_732, 6);
    assert!((found.magnetisation - found.overlap).abs() < 1e-10, "{found:?}");
}

#[test]
fn transitions_and_ground_states_of_the_glass() {
    for (order, dynamic, stationary, energy) in [(3, 0.6816, 0.6514, -0.81353), (4, 0.6784, 0.6169, -0.82547)] {
        let found = transitions(order).unwrap();
        digits("T_d", found.dynamic, dynamic, 4);
        digits("T_s", found.stationary, stationary, 4);
        // J = 1 is B = P/2.
        let unit = Model::distinct(order, 1.0);
        let unit = unit.at_load(0.5 * f64::from(order) / unit.crosstalk());
        digits("energy", broken_glass_energy(unit).unwrap(), energy, 5);
        // No breakpoint is stationary above T_s, one close to 1 is just below.
        assert_eq!(OneStep::new(unit, found.stationary + 0.002).glass(), None);
        let below = OneStep::new(unit, found.stationary - 0.002).glass().unwrap();
        assert!(below.converged && (0.98..1.0).contains(&below.order.breakpoint), "{below:?}");
    }
    assert_eq!(transitions(2), None);
}

#[test]
fn loads_at_which_retrieval_stops_being_the_ground_state() {
    for (order, load, decimals) in [(2, 0.0519, 4), (4, 0.031_714, 6), (5, 0.006_135, 6), (6, 0.001_010_6, 7)] {
        digits("load", ground_state_load(Model::distinct(order, 1.0)).unwrap(), load, decimals);
    }
    assert_eq!(ground_state_load(Model::distinct(3, 1.0)), None);
    // For pairs the number known is that beside the replica-symmetric glass; breaking raises the energy of the glass.
    let (symmetric, broken) =
        (ground_state_load(Model::distinct(2, 1.0)).unwrap(), broken_ground_state_load(Model::distinct(2, 1.0)).unwrap());
    println!("P = 2: {symmetric} {broken}");
    assert!(broken > symmetric && broken < 1.1 * symmetric, "{symmetric} {broken}");
}

#[test]
fn one_step_broken_glasses() {
    for (order, load, theta, q, pressure) in [(4, 0.03, 0.517_98, 0.983_630, 2.480_091), (3, 0.1, 0.374_84, 0.961_920, 2.975_334)] {
        let theory = OneStep::new(Model::distinct(order, load), 0.1);
        let found = theory.glass().unwrap();
        assert!(found.converged, "{found:?}");
        digits("theta", found.order.breakpoint, theta, 5);
        digits("q2", found.order.within, q, 6);
        digits("A", theory.pressure(&found.order), pressure, 6);
    }
}

#[test]
fn the_split_of_the_free_energy() {
    let found = split(Model::distinct(2, 0.1), 0.5);
    digits("q", found.overlap, 0.628_213_235_3, 10);
    digits("A", found.whole, 1.319_583_988_4, 10);
    digits("A_SK", found.hard, 1.927_168_724_5, 10);
    digits("A_soft", found.soft.unwrap(), 9.132_229_195_9, 9);
    let others = [(2, 0.2, 0.9, 1.010_409_466_6, 10), (3, 0.1, 0.1, 3.288_190_48, 8), (4, 0.03, 0.1, 2.892_692_40, 8)];
    for (order, load, temperature, whole, decimals) in others {
        let found = split(Model::distinct(order, load), temperature);
        digits("A", found.whole, whole, decimals);
        assert!(found.converged && found.residual.abs() < 1e-10 && found.soft.is_some() == (order == 2), "{found:?}");
    }
    assert!(found.converged && found.residual.abs() < 1e-10, "{found:?}");
}

#[test]
fn one_step_stabilises_the_glass() {
    for (order, load, replicon) in [(3, 0.1, -3.70), (4, 0.03, -4.50)] {
        let model = Model::distinct(order, load);
        let symmetric = ReplicaSymmetric::new(model, 0.1);
        digits("replicon", symmetric.replicon(0.0, symmetric.glass().overlap), replicon, 2);
        let glass = symmetric.glass();
        let theory = OneStep::new(model, 0.1);
        let broken = theory.glass().unwrap();
        assert!(glass.converged && glass.overlap > 0.1 && symmetric.replicon(0.0, glass.overlap) < 0.0);
        assert!(broken.converged && theory.replicon(&broken.order) > 0.0);
    }
}

#[test]
fn pairs_have_a_broken_glass_as_well() {
    for (load, temperature, theta, q, pressure, replicon) in PAIRS {
        let model = Model::distinct(2, load);
        let symmetric = ReplicaSymmetric::new(model, temperature);
        let theory = OneStep::for_glass(model, temperature);
        let found = theory.glass().unwrap();
        let at = theory.at_glass(&found.order);
        println!("{load} {temperature}: {found:?} {} {}", at.pressure(&found.order), at.replicon(&found.order));
        assert!(found.converged, "{found:?}");
        digits("theta", found.order.breakpoint, theta, 8);
        digits("q2", found.order.within, q, 8);
        digits("A", at.pressure(&found.order), pressure, 11);
        digits("replicon", at.replicon(&found.order), replicon, 7);
        // The pressure is least among breakpoints, between that of symmetry (theta -> 0) and that of larger ones.
        let glass = symmetric.glass();
        assert!(symmetric.pressure(0.0, glass.overlap) > at.pressure(&found.order));
        let moved = |theta: f64| at.pressure(&Order { breakpoint: theta, ..found.order });
        let slopes = [difference(moved, theta, 1e-5), difference(|q2| at.pressure(&Order { within: q2, ..found.order }), q, 1e-6)];
        assert!(slopes.iter().all(|slope| slope.abs() < 1e-5), "{slopes:?}");
        // One step is less unstable within clusters, and not stable between them: another state has q1 above 0.
        assert!(symmetric.replicon(0.0, glass.overlap) < at.replicon(&found.order) && at.replicon(&found.order) < 0.0);
        assert!(at.between_replicon(&found.order) < 0.0, "{}", at.between_replicon(&found.order));
    }
    // Without a glass, and close to the transition.
    assert_eq!(OneStep::for_glass(Model::distinct(2, 0.1), 1.0 + 0.1f64.sqrt() + 0.01).glass(), None);
    let close = OneStep::for_glass(Model::distinct(2, 0.1), 1.0 + 0.1f64.sqrt() - 0.05).glass().unwrap();
    assert!(close.converged && close.order.within < 0.1, "{close:?}");
}

#[test]
fn the_broken_glass_of_pairs_has_a_limit_without_temperature() {
    for load in [0.05, 0.1, 1.0] {
        let model = Model::distinct(2, load);
        let limit = broken_glass(model).unwrap();
        let cold = |temperature: f64| {
            let theory = OneStep::for_glass(model, temperature);
            let found = theory.glass().unwrap();
            assert!(found.converged, "{found:?}");
            (-theory.at_glass(&found.order).pressure_by_beta(&found.order), found.order)
        };
        let ((first, _), (second, order)) = (cold(0.04), cold(0.02));
        println!("alpha {load}: {limit:?} {first} {second} {order:?}");
        // The energy approaches its limit with the square of the temperature.
        let extrapolated = second + (second - first) / 3.0;
        assert!((extrapolated - limit.energy).abs() < 2e-5 * limit.energy.abs(), "{extrapolated} {limit:?}");
        assert!((order.breakpoint / 0.02 / limit.breakpoint - 1.0).abs() < 0.05, "{order:?} {limit:?}");
        assert!(((1.0 - order.within) / 0.02 / limit.susceptibility - 1.0).abs() < 0.05, "{order:?} {limit:?}");
        let symmetric = ground_state::glass(model).energy;
        assert!(limit.energy > symmetric, "{limit:?} {symmetric}");
    }
    // With many patterns the network is the glass of Sherrington and Kirkpatrick, J^2 = alpha, whose energy at q1 = 0 is the most that
    // -x/4 - ln(2 Phi(x))/x comes to; the network also has -alpha/2 of its missing diagonal.
    let many = 1e10;
    let energy = (broken_glass_energy(Model::distinct(2, many)).unwrap() + 0.5 * many) / many.sqrt();
    let of_glass = |x: f64| -0.25 * x - (LN_2 + ln_cumulative(x)) / x;
    let expected = of_glass(golden_section(of_glass, 0.1, 3.0));
    assert!((energy - expected).abs() < 2e-5 && (expected + 0.7688).abs() < 5e-5, "{energy} {expected}");
    let symmetric = (ground_state::glass(Model::distinct(2, many)).energy + 0.5 * many) / many.sqrt();
    assert!((symmetric + (2.0 / PI).sqrt()).abs() < 2e-4, "{symmetric}");
}

#[test]
fn retrieval_with_one_step_is_followed_up_to_its_spinodal() {
    // Beyond the replica-symmetric capacity at T = 0, where iteration falls off the branch.
    let at_zero = |order: u32, load: f64| BrokenTheory::new(Model::distinct(order, 1.0)).retrieval(load);
    for (order, loads, beyond) in
        [(2, [0.137, 0.1380, 0.138_18], 0.138_20), (3, [0.13, 0.15, 0.1537], 0.1538), (4, [0.033, 0.037, 0.0381], 0.0383)]
    {
        let states = loads.map(|load| at_zero(order, load).found().unwrap_or_else(|| panic!("P = {order}, alpha {load}")));
        assert!(states.iter().all(|state| state.converged && state.residual <= 1e-10), "{states:?}");
        for (state, load) in states.iter().zip(loads) {
            assert!((state.load - load).abs() < 1e-9, "{state:?}");
        }
        assert!(states.is_sorted_by(|a, b| a.magnetisation > b.magnetisation), "{states:?}");
        assert_eq!(at_zero(order, beyond), Search::Absent);
    }
    // Above T = 0: states at three temperatures up to little below where they end, and none beyond.
    for (order, temperature, loads, beyond) in WARM {
        let at = |load: f64| OneStep::new(Model::distinct(order, load), temperature).retrieval();
        let found = loads.map(|load| at(load).found().unwrap_or_else(|| panic!("P = {order}, T {temperature}, alpha {load}")));
        println!("P = {order}, T {temperature}: {found:?}");
        for (state, load) in found.iter().zip(loads) {
            assert!(state.converged && state.order.within - state.order.between > 1e-6, "{state:?}");
            let theory = OneStep::new(Model::distinct(order, load), temperature);
            let slope = difference(|theta| theory.pressure(&Order { breakpoint: theta, ..state.order }), state.order.breakpoint, 1e-5);
            assert!(slope.abs() < 1e-6, "P = {order}, alpha {load}: {slope}");
        }
        assert!(found.is_sorted_by(|a, b| a.order.magnetisation > b.order.magnetisation), "{found:?}");
        assert_eq!(at(beyond), Search::Absent, "P = {order}, T {temperature}, alpha {beyond}");
    }
    // Where symmetry is stable nothing is broken.
    assert_eq!(OneStep::new(Model::distinct(2, 0.12), 0.2).retrieval(), Search::Absent);
    assert_eq!(OneStep::new(Model::distinct(3, 0.1), 0.2).retrieval(), Search::Absent);
}

#[test]
fn replicons_between_clusters_are_what_keeps_q1() {
    // Without breaking both replicons are the symmetric one.
    let model = Model::distinct(2, 0.1);
    let (symmetric, broken) = (ReplicaSymmetric::new(model, 0.2), OneStep::new(model, 0.2));
    let found = symmetric.retrieval();
    let order = Order { magnetisation: found.magnetisation, between: found.overlap, within: found.overlap, breakpoint: 0.6 };
    let expected = symmetric.replicon(found.magnetisation, found.overlap);
    assert!((broken.between_replicon(&order) - expected).abs() < 1e-9);
    // Of the glass of pairs: how much of a small q1 its equation gives back.
    let theory = OneStep::for_glass(model, 0.5);
    let glass = theory.glass().unwrap().order;
    let theory = theory.at_glass(&glass);
    let small = 1e-6;
    let given_back = theory.means(&Order { between: small, ..glass }).tanh_squared_between / small;
    assert!((1.0 - given_back - theory.between_replicon(&glass)).abs() < 1e-4, "{given_back} {}", theory.between_replicon(&glass));
}

#[test]
fn without_breaking_one_step_is_replica_symmetric() {
    for (order, load) in [(2, 0.1), (3, 0.08), (4, 0.02)] {
        let model = Model::distinct(order, load);
        let (symmetric, broken) = (ReplicaSymmetric::new(model, 0.2), OneStep::new(model, 0.2));
        let found = symmetric.retrieval();
        let order = Order { magnetisation: found.magnetisation, between: found.overlap, within: found.overlap, breakpoint: 0.6 };
        let expected = symmetric.pressure(found.magnetisation, found.overlap);
        assert!((broken.pressure(&order) - expected).abs() < 1e-10, "{} {expected}", broken.pressure(&order));
        let replicons = (broken.replicon(&order), symmetric.replicon(found.magnetisation, found.overlap));
        assert!((replicons.0 - replicons.1).abs() < 1e-9, "{replicons:?}");
    }
    // At theta = 1 without q1 the glass has the pressure of the paramagnet, whatever q2.
    let model = Model::distinct(3, 0.1);
    let order = Order { magnetisation: 0.0, between: 0.0, within: 0.7, breakpoint: 1.0 };
    let paramagnet = LN_2 + 0.5 * 25.0 * model.crosstalk() / 3.0;
    assert!((OneStep::new(model, 0.2).pressure(&order) - paramagnet).abs() < 1e-10);
}

/// `(A(x + width) - A(x - width)) / (2 width)`.
fn difference(function: impl Fn(f64) -> f64, x: f64, width: f64) -> f64 {
    (function(x + width) - function(x - width)) / (2.0 * width)
}

#[test]
fn slopes_of_the_replica_symmetric_pressure() {
    for (order, load, temperature) in [(2, 0.1, 0.25), (3, 0.08, 0.25), (4, 0.02, 0.25), (3, 0.08, 0.15)] {
        let pressure = |beta: f64, load: f64| {
            let theory = ReplicaSymmetric::new(Model::distinct(order, load), 1.0 / beta);
            let found = theory.retrieval();
            assert!(found.converged);
            theory.pressure(found.magnetisation, found.overlap)
        };
        let theory = ReplicaSymmetric::new(Model::distinct(order, load), temperature);
        let found = theory.retrieval();
        let (m, q, beta) = (found.magnetisation, found.overlap, 1.0 / temperature);
        let slopes = [
            ("beta", difference(|beta| pressure(beta, load), beta, 1e-4), theory.pressure_by_beta(m, q)),
            ("load", difference(|load| pressure(beta, load), load, 1e-5), theory.pressure_by_load(q)),
            ("m", difference(|m| theory.pressure(m, q), m, 1e-5), 0.0),
            ("q", difference(|q| theory.pressure(m, q), q, 1e-5), 0.0),
        ];
        for (name, by_difference, closed) in slopes {
            assert!((by_difference - closed).abs() < 1e-6, "P = {order}, {name}: {by_difference} {closed}");
        }
    }
}

#[test]
fn slopes_of_the_one_step_pressure() {
    // The glass, at the temperature and breakpoint that are stationary.
    let glass = |beta: f64| OneStep::new(Model::distinct(3, 0.1), 1.0 / beta);
    let at = |beta: f64| {
        let found = glass(beta).glass().unwrap();
        assert!(found.converged);
        glass(beta).pressure(&found.order)
    };
    let closed = glass(10.0).pressure_by_beta(&glass(10.0).glass().unwrap().order);
    assert!((difference(at, 10.0, 1e-3) - closed).abs() < 1e-6, "{closed}");
    // Retrieval states close to T = 0.
    for (order, load) in [(3, 0.12), (4, 0.03)] {
        let theory = |beta: f64| OneStep::new(Model::distinct(order, load), 1.0 / beta);
        let at = theory(50.0);
        let found = at.retrieval().found().unwrap();
        println!("P = {order}: {found:?}");
        assert!(found.converged && found.order.within - found.order.between > 1e-4, "{found:?}");
        let pressure = |beta: f64| {
            let near = theory(beta).near(&found.order);
            assert!(near.converged, "{near:?}");
            theory(beta).pressure(&near.order)
        };
        let slopes = [
            ("beta", difference(pressure, 50.0, 1e-3), at.pressure_by_beta(&found.order)),
            ("theta", difference(|x| at.pressure(&Order { breakpoint: x, ..found.order }), found.order.breakpoint, 1e-5), 0.0),
            ("m", difference(|x| at.pressure(&Order { magnetisation: x, ..found.order }), found.order.magnetisation, 1e-6), 0.0),
            ("q1", difference(|x| at.pressure(&Order { between: x, ..found.order }), found.order.between, 1e-6), 0.0),
            ("q2", difference(|x| at.pressure(&Order { within: x, ..found.order }), found.order.within, 1e-6), 0.0),
        ];
        for (name, by_difference, closed) in slopes {
            assert!((by_difference - closed).abs() < 1e-6, "P = {order}, {name}: {by_difference} {closed}");
        }
    }
}
