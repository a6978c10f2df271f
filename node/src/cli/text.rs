//! Text from elsewhere, made safe to show.

/// On one line, without the control characters that steer a terminal: names
/// and messages come from other nodes.
pub(super) fn one_line(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|one| if one.is_control() { ' ' } else { one })
        .collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_line_ends_are_gone() {
        assert_eq!(one_line("a\n  b\r\n"), "a b");
        assert_eq!(one_line("\u{1b}[2Jcore1@h\u{7}"), "[2Jcore1@h");
    }
}
