//! A server gives freed memory back to the system at once. The allocator reads its settings before `main`, so a server
//! that was started without them starts itself once more, as the same process.
use std::env::{args_os, current_exe, var_os};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// How long the allocator keeps what was freed, in milliseconds; whoever starts the program may say otherwise. What the
/// start needs for a moment would stay for good: an idle program frees nothing more, and only then would it look.
const DELAY: &str = "MIMALLOC_PURGE_DELAY";

/// Returns if memory is given back at once already, or if the program can't be started again.
pub fn give_back_at_once() {
    if var_os(DELAY).is_some() {
        return;
    }
    let (Ok(program), Some(name)) = (current_exe(), args_os().next()) else { return };
    // only a failure returns: then the server goes on as it is
    let _error = Command::new(program).arg0(name).args(args_os().skip(1)).env(DELAY, "0").exec();
}
