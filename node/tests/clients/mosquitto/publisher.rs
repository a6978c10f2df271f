//! One run of mosquitto_pub.

use std::io::Write;
use std::process::Stdio;

use super::Way;

impl Way {
    /// With QoS 1. Returns what the client said.
    #[track_caller]
    pub(super) fn publish(&self, id: &str, topic: &str, payload: &str) -> String {
        self.publish_with(id, topic, payload.as_bytes(), &["-q", "1"])
    }

    #[track_caller]
    pub(super) fn publish_with(
        &self,
        id: &str,
        topic: &str,
        payload: &[u8],
        options: &[&str],
    ) -> String {
        // The whole input as one message, which must not be empty.
        let how = if payload.is_empty() { "-n" } else { "-s" };
        self.feed(id, payload, &[&["-t", topic, how], options].concat())
    }

    /// One message a line, without waiting for an acknowledgement between them.
    #[track_caller]
    pub(super) fn publish_lines(&self, id: &str, topic: &str, lines: &[String], qos: u8) {
        let input = lines.join("\n") + "\n";
        let options = ["-t", topic, "-l", "-q", &qos.to_string()];
        self.feed(id, input.as_bytes(), &options);
    }

    #[track_caller]
    fn feed(&self, id: &str, bytes: &[u8], options: &[&str]) -> String {
        let mut command = self.command("mosquitto_pub", id);
        command.args(options).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("mosquitto_pub can be run");
        let mut input = child.stdin.take().unwrap();
        input.write_all(bytes).unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}{errors}");
        said
    }
}
