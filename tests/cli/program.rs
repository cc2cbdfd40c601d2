//! The binary as a process: run to its end, or beside the test until it is told to stop or killed.
use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Nothing here takes that long: a process that does is stuck.
const PATIENCE: Duration = Duration::from_secs(90);

/// How a run of the binary ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The run must have ended with this code.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// It must have said this on standard error.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.err.contains(word), "`{word}` is missing in:\n{}", self.err);
        }
        self
    }

    /// The last line of standard output, one JSON object.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        let last = self.out.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|e| panic!("{e}: {}\n{}", self.out, self.err))
    }
}

/// The binary, with nothing of the caller's environment that changes what it says.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.env_remove("TOLLGATE_LOG").stdin(Stdio::null());
    command
}

/// Runs the binary in `folder` to its end.
pub(crate) fn tollgate(folder: &Path, words: &[&str]) -> Ran {
    let mut command = program();
    command.args(words).current_dir(folder);
    Spawned::start(command).end()
}

/// A process of the binary that runs beside the test. It is killed when the test ends, by its id.
pub(crate) struct Spawned {
    child: Child,
    said: [Arc<Mutex<String>>; 2],
    lines: mpsc::Receiver<String>,
    readers: Vec<JoinHandle<()>>,
}

impl Spawned {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = [(); 2].map(|()| Arc::new(Mutex::new(String::new())));
        let (send, lines) = mpsc::channel();
        let outputs: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().unwrap()),
            Box::new(child.stderr.take().unwrap()),
        ];
        let readers = outputs.into_iter().zip(said.clone()).map(|(output, said)| {
            let send = send.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    said.lock().unwrap().push_str(&format!("{line}\n"));
                    let _ = send.send(line);
                }
            })
        });
        let readers = readers.collect();
        Self {
            child,
            said,
            lines,
            readers,
        }
    }

    /// The first line that begins so.
    #[track_caller]
    pub(crate) fn wait_for(&self, beginning: &str) -> String {
        self.wait_until(beginning, |line| line.starts_with(beginning))
    }

    #[track_caller]
    fn wait_until(&self, words: &str, is_it: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if is_it(&line) => return line,
                Ok(_) => {}
                Err(_) => panic!("no line `{words}…` in:\n{}", self.all()),
            }
        }
    }

    /// The first line that has this in it.
    #[track_caller]
    pub(crate) fn wait_for_part(&self, part: &str) -> String {
        self.wait_until(part, |line| line.contains(part))
    }

    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGTERM, as a service manager sends it.
    pub(crate) fn terminate(&self) {
        let sent = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// SIGKILL: the process learns nothing of it. It must have been running until now.
    #[track_caller]
    pub(crate) fn kill(mut self) -> Ran {
        assert!(self.runs(), "it ended before it could be killed:\n{}", self.all());
        self.child.kill().unwrap();
        self.end()
    }

    /// All that was said until now.
    pub(crate) fn all(&self) -> String {
        self.said.iter().map(|s| s.lock().unwrap().clone()).collect()
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ran {
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "it does not end:\n{}", self.all());
            std::thread::sleep(Duration::from_millis(5));
        };
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        let [out, err] = self.said.each_ref().map(|s| s.lock().unwrap().clone());
        Ran {
            code: status.code().unwrap_or(-1),
            out,
            err,
        }
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A gateway that serves, as a process of its own.
pub(crate) struct Gateway {
    pub(crate) process: Spawned,
    pub(crate) partners: SocketAddr,
    pub(crate) staff: SocketAddr,
}

impl Gateway {
    /// Stops it in good order; gives what it said.
    #[track_caller]
    pub(crate) fn stop(self) -> String {
        self.process.terminate();
        let ran = self.process.end().ends(0);
        ran.out + &ran.err
    }
    /// Ends it at once.
    pub(crate) fn kill(self) {
        self.process.kill();
    }
}
