//! The states of a campaign group and what each action does in each of them.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a campaign group stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupState {
    /// At rest.
    NotLoaded,
    /// Its audience is being computed.
    PreLoading,
    /// Loaded, contacting nobody.
    Active,
    /// Contacting people.
    Running,
    /// No new attempts; those under way finish.
    WaitingUnload,
    /// Its records are being released; talks that go on end before that.
    UnloadInProgress,
}

impl GroupState {
    /// Every state.
    pub const ALL: [GroupState; 6] =
        [Self::NotLoaded, Self::PreLoading, Self::Active, Self::Running, Self::WaitingUnload, Self::UnloadInProgress];

    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotLoaded => "not_loaded",
            Self::PreLoading => "pre_loading",
            Self::Active => "active",
            Self::Running => "running",
            Self::WaitingUnload => "waiting_unload",
            Self::UnloadInProgress => "unload_in_progress",
        }
    }

    /// The state of a stored word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }

    /// The actions that do something now: what a page offers as buttons.
    pub fn next_actions(self) -> Vec<GroupAction> {
        GroupAction::ALL
            .into_iter()
            .filter(|action| matches!(apply(self, None, *action), Ok(Change::To { .. })))
            .collect()
    }
}

/// What can be asked of a campaign group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GroupAction {
    /// Load it, contacting nobody yet.
    Load,
    /// Load it if need be, and contact people.
    Start,
    /// Contact nobody more for now.
    Pause,
    /// Go on.
    Resume,
    /// Finish what is under way and unload.
    Stop,
    /// Give up what nobody has answered, and unload.
    ForceStop,
    /// Take over what changed in its lists.
    Refresh,
}

impl GroupAction {
    /// Every action.
    pub const ALL: [GroupAction; 7] =
        [Self::Load, Self::Start, Self::Pause, Self::Resume, Self::Stop, Self::ForceStop, Self::Refresh];
}

/// What an action does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was so already: success.
    Nothing,
    /// To this state; a pre-load remembers what it is to become.
    To {
        /// The new state.
        state: GroupState,
        /// What a pre-load is to become.
        target: Option<GroupState>,
    },
    /// The state stays; its lists are looked through.
    Refresh,
}

/// Why an action can't be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The group must be loaded first.
    #[error("the group is not loaded: load or start it first")]
    NotLoaded,
    /// The group is being loaded.
    #[error("the group is being loaded: wait until it is, or stop it")]
    PreLoading,
    /// The group is being unloaded.
    #[error("the group is being unloaded: wait until it is at rest")]
    Unloading,
}

impl Refusal {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotLoaded => "group_not_loaded",
            Self::PreLoading => "preload_in_progress",
            Self::Unloading => "unload_in_progress",
        }
    }
}

/// What an action does in a state; `target` is what a pre-load is to become now.
pub fn apply(state: GroupState, target: Option<GroupState>, action: GroupAction) -> Result<Change, Refusal> {
    use GroupAction::{ForceStop, Load, Pause, Refresh, Resume, Start, Stop};
    use GroupState::{Active, NotLoaded, PreLoading, Running, UnloadInProgress, WaitingUnload};
    let to = |state| Ok(Change::To { state, target: None });
    let load = |wanted| {
        let unchanged = state == PreLoading && target == Some(wanted);
        if unchanged { Ok(Change::Nothing) } else { Ok(Change::To { state: PreLoading, target: Some(wanted) }) }
    };
    match (state, action) {
        (NotLoaded | PreLoading, Load) | (PreLoading, Pause) => load(Active),
        (NotLoaded | PreLoading, Start) | (PreLoading, Resume) => load(Running),
        (NotLoaded, Pause | Resume | Refresh) => Err(Refusal::NotLoaded),
        (NotLoaded, Stop | ForceStop) => Ok(Change::Nothing),
        (PreLoading, Stop | ForceStop) => to(NotLoaded),
        (PreLoading, Refresh) => Err(Refusal::PreLoading),
        (Active | Running, Load) | (Active, Pause) | (Running, Start | Resume) => Ok(Change::Nothing),
        (Active, Start | Resume) => to(Running),
        (Running, Pause) => to(Active),
        (Active | Running, Stop) => to(WaitingUnload),
        (Active | Running | WaitingUnload, ForceStop) => to(UnloadInProgress),
        (Active | Running, Refresh) => Ok(Change::Refresh),
        (WaitingUnload | UnloadInProgress, Stop) | (UnloadInProgress, ForceStop) => Ok(Change::Nothing),
        (WaitingUnload | UnloadInProgress, Load | Start | Pause | Resume | Refresh) => Err(Refusal::Unloading),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_specification_holds() {
        use GroupState::{Active, NotLoaded, PreLoading, Running, UnloadInProgress, WaitingUnload};
        let to = |state| Ok(Change::To { state, target: None });
        assert_eq!(
            apply(NotLoaded, None, GroupAction::Start),
            Ok(Change::To { state: PreLoading, target: Some(Running) })
        );
        assert_eq!(apply(NotLoaded, None, GroupAction::Pause), Err(Refusal::NotLoaded));
        assert_eq!(
            apply(PreLoading, Some(Running), GroupAction::Pause),
            Ok(Change::To { state: PreLoading, target: Some(Active) })
        );
        assert_eq!(apply(PreLoading, Some(Running), GroupAction::Start), Ok(Change::Nothing));
        assert_eq!(apply(PreLoading, Some(Running), GroupAction::Stop), to(NotLoaded));
        assert_eq!(apply(Active, None, GroupAction::Resume), to(Running));
        assert_eq!(apply(Running, None, GroupAction::Start), Ok(Change::Nothing));
        assert_eq!(apply(Running, None, GroupAction::Stop), to(WaitingUnload));
        assert_eq!(apply(WaitingUnload, None, GroupAction::ForceStop), to(UnloadInProgress));
        assert_eq!(apply(WaitingUnload, None, GroupAction::Start), Err(Refusal::Unloading));
        assert_eq!(apply(UnloadInProgress, None, GroupAction::Stop), Ok(Change::Nothing));
    }

    #[test]
    fn a_group_at_rest_offers_to_load_and_to_start() {
        assert_eq!(GroupState::NotLoaded.next_actions(), [GroupAction::Load, GroupAction::Start]);
        assert!(!GroupState::Running.next_actions().contains(&GroupAction::Resume));
    }
}
