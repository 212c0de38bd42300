//! The systems that are compared: how each is wired, and by which rules its wiring moves.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The systems compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArmId {
    /// Every weight exists.
    Dense,
    /// Every weight exists, in layers so narrow that there are no more weights than in the sparse arms.
    DenseNarrow,
    /// Randomly chosen weights exist (Erdős–Rényi), as many per layer as in the group arms.
    Er,
    /// Group-to-group wiring that stays as it was drawn.
    G2g,
    /// Group-to-group wiring whose smallest weights move to where activity co-varies most.
    G2gHebb,
    /// Group-to-group wiring of whole tiles, computed as tiles.
    Tile,
    /// Tiles of which the weakest move to where activity co-varies most.
    TileHebb,
    /// Group-to-group wiring whose smallest weights move anywhere (SET).
    G2gSet,
    /// Random wiring whose smallest weights move to where the gradient is largest (RigL).
    ErRigl,
    /// What the field `custom` says.
    Custom,
}

impl ArmId {
    /// All of them, in the order of the card, which gives them their colours.
    pub const ALL: [Self; 10] = [
        Self::Dense,
        Self::DenseNarrow,
        Self::Er,
        Self::G2g,
        Self::G2gHebb,
        Self::Tile,
        Self::TileHebb,
        Self::G2gSet,
        Self::ErRigl,
        Self::Custom,
    ];

    /// Those of a run that names none.
    pub const USUAL: [Self; 7] = [Self::Dense, Self::DenseNarrow, Self::Er, Self::G2g, Self::G2gHebb, Self::Tile, Self::TileHebb];

    /// Its stable id, as in the config and in every point.
    pub fn id(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::DenseNarrow => "dense_narrow",
            Self::Er => "er",
            Self::G2g => "g2g",
            Self::G2gHebb => "g2g_hebb",
            Self::Tile => "tile",
            Self::TileHebb => "tile_hebb",
            Self::G2gSet => "g2g_set",
            Self::ErRigl => "er_rigl",
            Self::Custom => "custom",
        }
    }

    /// How its sparse layers are wired at the start; `None` where every weight exists.
    pub fn pattern(self, custom: Custom) -> Option<Pattern> {
        match self {
            Self::Dense | Self::DenseNarrow => None,
            Self::Er | Self::ErRigl => Some(Pattern::Random),
            Self::G2g | Self::G2gHebb | Self::G2gSet => Some(Pattern::Groups),
            Self::Tile | Self::TileHebb => Some(Pattern::Tiles),
            Self::Custom => Some(match custom.layout {
                Layout::Edge => Pattern::Groups,
                Layout::Tile => Pattern::Tiles,
            }),
        }
    }

    /// By which rules its wiring moves; `None` where it stays as it was drawn.
    pub fn rewiring(self, custom: Custom) -> Option<(PruneRule, GrowRule)> {
        match self {
            Self::Dense | Self::DenseNarrow | Self::Er | Self::G2g | Self::Tile => None,
            Self::G2gHebb | Self::TileHebb => Some((PruneRule::Magnitude, GrowRule::Hebb)),
            Self::G2gSet => Some((PruneRule::Magnitude, GrowRule::Random)),
            Self::ErRigl => Some((PruneRule::Magnitude, GrowRule::Gradient)),
            Self::Custom => Some((custom.prune_rule, custom.grow_rule)),
        }
    }
}

/// How the sparse layers of an arm are wired at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// Single edges anywhere.
    Random,
    /// All or most edges inside groups, single edges between them.
    Groups,
    /// All edges from some groups to each group, and none from the others.
    Tiles,
}

/// An arm put together from parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Custom {
    /// Single edges between groups, or whole tiles.
    #[schemars(title = "Layout")]
    pub layout: Layout,
    /// Which edges (or tiles) go.
    #[schemars(title = "Pruning")]
    pub prune_rule: PruneRule,
    /// Which edges (or tiles) come; `gradient` is for single edges only.
    #[schemars(title = "Growing")]
    pub grow_rule: GrowRule,
}

impl Default for Custom {
    /// The rules of the authors' follow-up code.
    fn default() -> Self {
        Self { layout: Layout::Edge, prune_rule: PruneRule::Three, grow_rule: GrowRule::Hebb }
    }
}

/// What exists or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Single edges.
    Edge,
    /// All edges from one group to another together.
    Tile,
}

/// Which edges go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PruneRule {
    /// Those with the smallest magnitude.
    Magnitude,
    /// Any, uniformly.
    Random,
    /// Those with the smallest Hebbian score.
    Hebb,
    /// A third by magnitude, a third at random, the rest by Hebbian score, each among what is left.
    Three,
}

/// Which edges come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrowRule {
    /// Any, uniformly.
    Random,
    /// Those with the largest magnitude of the gradient (RigL).
    Gradient,
    /// Those with the largest Hebbian score.
    Hebb,
}
