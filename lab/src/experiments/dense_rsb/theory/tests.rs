//! The constants of the theory against values computed independently, to the last digit given, and identities.

use super::{
    broken_ground_state::BrokenTheory,
    capacity::{broken_capacity, ground_state_load},
    glass::{broken_glass_energy, transitions},
    ground_state,
    model::{Model, Tuples},
    one_step::{OneStep, Order},
    replica_symmetric::ReplicaSymmetric,
    spinodal::spinodal,
    split::split,
};
use std::f64::consts::LN_2;

/// Equal to the digits that are given: within one unit of the last.
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
    }
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
        let found = BrokenTheory::new(Model::distinct(order, 1.0)).retrieval(load).unwrap();
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
        let found = at.retrieval().unwrap();
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
