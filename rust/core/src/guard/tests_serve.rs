//! Both ends of the connection, over a real socket.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use flume::{Receiver, Sender};

use super::frame::framed;
use super::link::{Link, Lost, RiskLink};
use super::message::{ToProcess, VERSION};
use super::serve::{ServeOptions, Served, Supervisor, serve};
use crate::error::Error;

const LONG: Duration = Duration::from_secs(60);

/// A folder of this test alone, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("pl-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Told {
    ends: AtomicBool,
    killed: AtomicBool,
    heard: Sender<Served>,
}

impl Supervisor for Arc<Told> {
    fn goes_on(&self) -> bool {
        !self.ends.load(Ordering::Acquire)
    }

    fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Acquire)
    }

    fn hear(&self, what: &Served) {
        self.heard.send(what.clone()).unwrap();
    }
}

/// A risk process on a thread.
struct Running {
    told: Arc<Told>,
    heard: Receiver<Served>,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl Running {
    fn start(socket: &Path) -> Self {
        let (sender, heard) = flume::bounded(1_000);
        let told = Arc::new(Told {
            ends: AtomicBool::new(false),
            killed: AtomicBool::new(false),
            heard: sender,
        });
        let options = ServeOptions {
            socket: socket.to_owned(),
            log: Some(socket.with_extension("log")),
            limits: None,
        };
        let theirs = Arc::clone(&told);
        let thread = std::thread::spawn(move || serve(&options, &theirs));
        Self {
            told,
            heard,
            thread: Some(thread),
        }
    }

    fn listening(socket: &Path) -> Self {
        let running = Self::start(socket);
        assert_eq!(running.next(), Served::Listening);
        running
    }

    fn next(&self) -> Served {
        self.heard.recv_timeout(LONG).unwrap()
    }

    fn end(mut self) -> Result<(), Error> {
        self.told.ends.store(true, Ordering::Release);
        self.thread.take().unwrap().join().unwrap()
    }
}

#[test]
fn a_line_that_a_full_disk_has_cut_stays_one_of_its_own() {
    let folder = Folder::new("cut");
    let socket = folder.0.join("s");
    std::fs::write(socket.with_extension("log"), "17\tpartial").unwrap();
    Running::listening(&socket).end().unwrap();
    let log = std::fs::read_to_string(socket.with_extension("log")).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines[0], "17\tpartial");
    assert!(lines[1].ends_with("\tlistening\t"), "{log:?}");
}

fn link_to(socket: &Path) -> RiskLink {
    RiskLink {
        path: socket.to_owned(),
        timeout: LONG,
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_io().enable_time().build().unwrap()
}

/// What comes of a stream until it is closed.
fn to_the_end(mut stream: UnixStream) -> Vec<u8> {
    let mut came = Vec::new();
    stream.set_read_timeout(Some(LONG)).unwrap();
    let _ = stream.read_to_end(&mut came);
    came
}

fn hello(version: u32) -> Vec<u8> {
    framed(&ToProcess::Hello { version, pid: 1 }.bytes())
}

#[test]
fn the_socket_is_for_its_user_alone_and_goes_with_the_process() {
    let folder = Folder::new("mode");
    let socket = folder.0.join("s");
    let running = Running::listening(&socket);
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    running.end().unwrap();
    assert!(!socket.exists());
}

#[test]
fn nobody_takes_the_place_of_who_listens_and_everybody_that_of_who_died() {
    let folder = Folder::new("place");
    let socket = folder.0.join("s");
    let running = Running::listening(&socket);
    let other = Running::start(&socket).end().unwrap_err();
    assert_eq!(other.code, "risk.in_use");
    running.end().unwrap();
    // A program that is none of ours listens.
    let listener = UnixListener::bind(&socket).unwrap();
    let other = Running::start(&socket).end().unwrap_err();
    assert_eq!(other.code, "risk.in_use");
    // It died, and left its socket behind.
    drop(listener);
    assert!(socket.exists());
    Running::listening(&socket).end().unwrap();
    std::fs::write(&socket, "a file").unwrap();
    let other = Running::start(&socket).end().unwrap_err();
    assert_eq!(other.code, "risk.socket");
    assert_eq!(std::fs::read(&socket).unwrap(), b"a file");
}

#[test]
fn strangers_are_told_why_and_the_next_one_is_served() {
    let folder = Folder::new("strange");
    let socket = folder.0.join("s");
    let running = Running::listening(&socket);
    let long = u32::MAX.to_le_bytes().to_vec();
    let untold = [
        hello(VERSION),
        framed(&ToProcess::Notes(Vec::new()).bytes()),
    ];
    let account = ToProcess::Part {
        last: true,
        bytes: b"no account".to_vec(),
    };
    let account = [hello(VERSION), framed(&account.bytes())];
    for (sent, why) in [
        (framed(b""), "a message cannot be read"),
        (framed(b"\x09"), "a message cannot be read"),
        (framed(b"\0GET / HTTP/1.1"), "a greeting cannot be read"),
        (long, "a message that is too long"),
        (hello(VERSION + 1), "speaks version"),
        (
            [hello(VERSION), hello(VERSION)].concat(),
            "a second greeting",
        ),
        (framed(&ToProcess::Notes(Vec::new()).bytes()), "no greeting"),
        (untold.concat(), "before the account was told"),
        (account.concat(), "cannot be read"),
    ] {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.write_all(&sent).unwrap();
        let came = String::from_utf8_lossy(&to_the_end(stream)).into_owned();
        assert!(came.contains(why), "{came:?} does not say {why:?}");
        let lost = std::iter::from_fn(|| Some(running.next()))
            .find(|what| matches!(what, Served::Lost(_)));
        assert!(lost.is_some());
    }
    runtime().block_on(async {
        let link = Link::connect(link_to(&socket)).await.unwrap();
        assert!(!link.killed);
    });
    running.end().unwrap();
}

#[test]
fn its_kill_switch_is_told_to_who_is_connected_and_to_who_comes() {
    let folder = Folder::new("kill");
    let socket = folder.0.join("s");
    let running = Running::listening(&socket);
    runtime().block_on(async {
        let mut link = Link::connect(link_to(&socket)).await.unwrap();
        running.told.killed.store(true, Ordering::Release);
        link.hear().await.unwrap();
        assert!(link.killed);
        drop(link);
        let mut next = Link::connect(link_to(&socket)).await.unwrap();
        next.hear().await.unwrap();
        assert!(next.killed);
    });
    running.end().unwrap();
    let log = std::fs::read_to_string(socket.with_extension("log")).unwrap();
    assert_eq!(log.matches("\tkilled\t").count(), 1);
}

#[test]
fn one_that_does_not_answer_is_given_up() {
    let folder = Folder::new("slow");
    let socket = folder.0.join("s");
    let _listener = UnixListener::bind(&socket).unwrap();
    let short = RiskLink {
        path: socket.clone(),
        timeout: Duration::from_millis(5),
    };
    runtime().block_on(async {
        let lost = Link::connect(short).await.unwrap_err();
        assert!(matches!(lost, Lost::Slow), "{lost}");
    });
    std::fs::remove_file(&socket).unwrap();
    runtime().block_on(async {
        let lost = Link::connect(link_to(&socket)).await.unwrap_err();
        assert!(matches!(lost, Lost::Gone(_)), "{lost}");
    });
}
