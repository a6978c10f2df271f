//! One mosquitto_sub, and what it prints.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use super::Way;
use crate::support::wait::PATIENCE;

/// A line for each message, among those that `-d` brings.
const FORMAT: &str = "message\t%t\t%q\t%r\t%x\t%E\t%S\t%C\t%P\t%R\t%D\t%F";

#[derive(Debug)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) qos: u8,
    pub(super) retain: bool,
    pub(super) payload: Vec<u8>,
    /// The rest is empty where there is none.
    pub(super) expiry_s: String,
    pub(super) identifiers: String,
    pub(super) content_type: String,
    pub(super) user_properties: String,
    pub(super) response_topic: String,
    pub(super) correlation_data: String,
    pub(super) payload_format: String,
}

impl Message {
    fn read(line: &str) -> Option<Self> {
        let fields: Vec<_> = line.strip_prefix("message\t")?.split('\t').collect();
        let [topic, qos, retain, payload, rest @ ..] = &fields[..] else {
            panic!("{line:?}");
        };
        let [
            expiry,
            identifiers,
            content,
            pairs,
            response,
            correlation,
            format,
        ] = rest
        else {
            panic!("{line:?}");
        };
        Some(Self {
            topic: (*topic).to_owned(),
            qos: qos.parse().unwrap(),
            retain: *retain == "1",
            payload: unhex(payload),
            expiry_s: (*expiry).to_owned(),
            identifiers: (*identifiers).to_owned(),
            content_type: (*content).to_owned(),
            user_properties: (*pairs).to_owned(),
            response_topic: (*response).to_owned(),
            correlation_data: (*correlation).to_owned(),
            payload_format: (*format).to_owned(),
        })
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    let digits = digits.map(|pair| str::from_utf8(pair).unwrap());
    digits
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

pub(super) struct Subscriber {
    child: Child,
    lines: Receiver<String>,
    messages: VecDeque<Message>,
    pub(super) granted: u8,
    /// The id that the client goes by.
    pub(super) id: String,
}

impl Way {
    /// Subscribed to all of the filters, once it is made.
    #[track_caller]
    pub(super) fn subscribe(&self, id: &str, filters: &[&str], options: &[&str]) -> Subscriber {
        let mut command = self.command("mosquitto_sub", id);
        command.args(["-F", FORMAT]).args(options);
        for filter in filters {
            command.args(["-t", filter]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("mosquitto_sub can be run");
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = sync_channel(1_000);
        // Ends with the process.
        thread::spawn(move || {
            for line in output.lines() {
                if sender.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        let mut subscriber = Subscriber {
            child,
            lines,
            messages: VecDeque::new(),
            granted: u8::MAX,
            id: String::new(),
        };
        subscriber.wait_subscribed();
        subscriber
    }
}

impl Subscriber {
    #[track_caller]
    fn wait_subscribed(&mut self) {
        let connected = self.wait_line(|line| line.contains(" received CONNACK (0)"));
        self.id = connected.split(' ').nth(1).unwrap().to_owned();
        let subscribed = self.wait_line(|line| line.starts_with("Subscribed "));
        let codes = subscribed.split_once("): ").unwrap().1;
        self.granted = codes.split(", ").next().unwrap().parse().unwrap();
    }

    #[track_caller]
    fn wait_line(&mut self, is_it: impl Fn(&str) -> bool) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.expect("mosquitto_sub says something in time");
            if let Some(message) = Message::read(&line) {
                self.messages.push_back(message);
            } else if is_it(&line) {
                return line;
            }
        }
    }

    #[track_caller]
    pub(super) fn receive(&mut self) -> Message {
        while self.messages.is_empty() {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.expect("mosquitto_sub prints a message in time");
            self.messages.extend(Message::read(&line));
        }
        self.messages.pop_front().unwrap()
    }

    /// The payloads that come before this one, which comes at last.
    #[track_caller]
    pub(super) fn receive_until(&mut self, payload: &str) -> Vec<String> {
        let mut before = Vec::new();
        loop {
            let message = String::from_utf8(self.receive().payload).unwrap();
            if message == payload {
                return before;
            }
            before.push(message);
        }
    }

    /// Waits until it has left by itself, with a DISCONNECT.
    #[track_caller]
    pub(super) fn wait_left(mut self) {
        self.wait_line(|line| line.ends_with(" sending DISCONNECT"));
        assert!(self.child.wait().unwrap().success());
    }

    /// With SIGKILL: the broker hears nothing but the end of the connection.
    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
