//! By which meaning of the check a decision was made. What the same inputs come to changes now and then, because a
//! mistake of it was found; a decision that is kept says by which meaning it was made, and is made again by that.
use serde::{Deserialize, Serialize};

/// A meaning of the check. Kept decisions that name none are of the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edition {
    /// Parts that the policy of sources leaves out told no law either, revocations did not reach the territories of the
    /// United States by law, a consent to be called back opened closed hours for thirty days, legal rules about a person
    /// counted by the client id alone, and an attempt was allowed until a consent ended or a rule began.
    #[default]
    First,
    /// The law of every number that is called and of every place that is told holds, whatever the policy of sources
    /// says of zones; a consent to be called back opens the time that was asked for; legal rules about a person count what was
    /// tried at the number, too; and an attempt is allowed until the first moment at which anything known becomes another.
    Second,
    /// Reasons name the holiday that closes hours and the event that begins a cool-down; custom rules that ask for the time
    /// or count attempts end an allowed attempt where that turns, and count by the device where a client id is not known of
    /// both; and a tenant's rule for the code of a territory of the United States is about that region of them. The law of
    /// a country holds for numbers and places of its islands that have a country code of their own (Jersey, Guernsey, Man;
    /// Christmas, Cocos and Norfolk Island), and a phone or postal code in a territory of the country that is told says
    /// where in that country a person is.
    Third,
}

impl Edition {
    /// The one by which attempts are judged.
    pub const CURRENT: Self = Self::Third;

    /// Whether reasons name the facts, territories are parts of a country, and what else came with the third meaning.
    pub(super) fn is_third(self) -> bool {
        self >= Self::Third
    }

    /// Whether it is the one that kept decisions do not name.
    pub(super) fn is_first(&self) -> bool {
        *self == Self::First
    }
}
