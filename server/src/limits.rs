//! What the system lets this process have.

/// Raises the number of files and sockets this process may hold to the most the system grants: a thousand viewers are a thousand sockets,
/// and the usual start is 1,024. Where it is refused, everything goes on with what there is.
pub fn allow_many_files() {
    #[cfg(unix)]
    {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: both calls only read or write the struct they are given, which lives on this stack.
        let raised = unsafe {
            libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 && {
                limit.rlim_cur = limit.rlim_max;
                libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) == 0
            }
        };
        tracing::debug!(raised, files = limit.rlim_cur, "number of open files");
    }
}
