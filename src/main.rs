//! The `tollgate` command.

/// Of the CPU that a question costs, glibc's allocator took a fifth: `docs/benchmarks.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    tollgate::cli::run()
}
