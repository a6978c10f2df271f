//! Rust source split into code and comments, line by line.
//!
//! A rule that looks for a word must not be deceived by a string that holds
//! it. This is a scanner, not a parser: it knows strings, character literals
//! and comments, nothing more.
//!
//! ```text
//! source -> Scanner (Code | LineComment | BlockComment | Text | RawText) -> Line { code, comment }
//! ```

/// One source line. String contents in `code` are blanked to spaces, so columns
/// and quotes stay where they were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    pub code: String,
    pub comment: String,
    /// The comment documents an item (`///`, `//!`, `/**`, `/*!`).
    pub documentation: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Code,
    LineComment,
    BlockComment { depth: usize },
    Text,
    RawText { hashes: usize },
}

struct Scanner {
    characters: Vec<char>,
    at: usize,
    mode: Mode,
    documentation: bool,
    line: Line,
    lines: Vec<Line>,
}

pub fn lines(source: &str) -> Vec<Line> {
    let mut scanner = Scanner {
        characters: source.chars().collect(),
        at: 0,
        mode: Mode::Code,
        documentation: false,
        line: Line::default(),
        lines: Vec::new(),
    };
    while scanner.at < scanner.characters.len() {
        scanner.step();
    }
    scanner.end_line();
    scanner.lines
}

impl Scanner {
    fn step(&mut self) {
        let character = self.characters[self.at];
        if character == '\n' {
            if self.mode == Mode::LineComment {
                self.mode = Mode::Code;
            }
            self.at += 1;
            self.end_line();
            return;
        }
        match self.mode {
            Mode::Code => self.step_code(character),
            Mode::LineComment => self.take_comment(1),
            Mode::BlockComment { depth } => self.step_block_comment(depth),
            Mode::Text => self.step_text(character),
            Mode::RawText { hashes } => self.step_raw_text(character, hashes),
        }
    }

    fn end_line(&mut self) {
        self.lines.push(std::mem::take(&mut self.line));
        if matches!(self.mode, Mode::BlockComment { .. }) {
            self.line.documentation = self.documentation;
        }
    }

    fn step_code(&mut self, character: char) {
        if self.starts_with("//") || self.starts_with("/*") {
            self.enter_comment();
        } else if character == '"' {
            self.take_code(1);
            self.mode = Mode::Text;
        } else if let Some(hashes) = self.raw_text_ahead() {
            // The hashes, the quote and the letter before them.
            self.take_code(hashes + 2);
            self.mode = Mode::RawText { hashes };
        } else if character == '\'' {
            self.take_code(1);
            self.skip_character_literal();
        } else {
            self.take_code(1);
        }
    }

    fn enter_comment(&mut self) {
        let block = self.starts_with("/*");
        // `////` and `/***` are plain comments to rustc as well.
        self.documentation = if block {
            (self.starts_with("/**") && !self.starts_with("/***") && !self.starts_with("/**/"))
                || self.starts_with("/*!")
        } else {
            (self.starts_with("///") && !self.starts_with("////")) || self.starts_with("//!")
        };
        self.line.documentation |= self.documentation;
        self.mode = if block {
            Mode::BlockComment { depth: 1 }
        } else {
            Mode::LineComment
        };
        self.at += 2;
    }

    fn step_block_comment(&mut self, depth: usize) {
        if self.starts_with("/*") {
            self.mode = Mode::BlockComment { depth: depth + 1 };
            self.at += 2;
        } else if self.starts_with("*/") {
            self.mode = match depth {
                1 => Mode::Code,
                _ => Mode::BlockComment { depth: depth - 1 },
            };
            self.at += 2;
        } else {
            self.take_comment(1);
        }
    }

    fn step_text(&mut self, character: char) {
        match character {
            '\\' if self.characters.get(self.at + 1) != Some(&'\n') => self.blank(2),
            '"' => {
                self.take_code(1);
                self.mode = Mode::Code;
            }
            _ => self.blank(1),
        }
    }

    fn step_raw_text(&mut self, character: char, hashes: usize) {
        let closing = self.characters[self.at + 1..]
            .iter()
            .take_while(|&&next| next == '#')
            .count();
        if character == '"' && closing >= hashes {
            self.take_code(1 + hashes);
            self.mode = Mode::Code;
        } else {
            self.blank(1);
        }
    }

    /// `r"`, `r#"`, `br##"`: how many hashes, if a raw string starts here.
    fn raw_text_ahead(&self) -> Option<usize> {
        if self.characters[self.at] != 'r' {
            return None;
        }
        let before = self.at.checked_sub(1).map(|at| self.characters[at]);
        // Part of a longer word, unless the word is the prefix `b` or `c`.
        if before.is_some_and(is_word) {
            let two_before = self.at.checked_sub(2).map(|at| self.characters[at]);
            if !matches!(before, Some('b' | 'c')) || two_before.is_some_and(is_word) {
                return None;
            }
        }
        let rest = &self.characters[self.at + 1..];
        let hashes = rest.iter().take_while(|&&next| next == '#').count();
        (rest.get(hashes) == Some(&'"')).then_some(hashes)
    }

    /// After a quote: a character literal is skipped, a lifetime is code.
    fn skip_character_literal(&mut self) {
        let rest = &self.characters[self.at..];
        match rest {
            ['\\', ..] => {
                let length = rest
                    .iter()
                    .skip(2)
                    .position(|&next| next == '\'')
                    .unwrap_or(0);
                self.blank(length + 2);
                self.take_code(1);
            }
            [_, '\'', ..] => {
                self.blank(1);
                self.take_code(1);
            }
            _ => {}
        }
    }

    fn starts_with(&self, text: &str) -> bool {
        let rest = &self.characters[self.at..];
        text.chars().count() <= rest.len() && text.chars().zip(rest).all(|(a, &b)| a == b)
    }

    fn take_code(&mut self, count: usize) {
        let end = (self.at + count).min(self.characters.len());
        self.line.code.extend(&self.characters[self.at..end]);
        self.at = end;
    }

    fn take_comment(&mut self, count: usize) {
        let end = (self.at + count).min(self.characters.len());
        self.line.comment.extend(&self.characters[self.at..end]);
        self.at = end;
    }

    fn blank(&mut self, count: usize) {
        let end = (self.at + count).min(self.characters.len());
        self.line
            .code
            .extend(std::iter::repeat_n(' ', end - self.at));
        self.at = end;
    }
}

pub fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Does `text` hold `word` as a whole word?
pub fn holds_word(text: &str, word: &str) -> bool {
    word_positions(text, word).next().is_some()
}

/// Byte positions at which `word` stands as a whole word.
pub fn word_positions<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |&at| {
            let before = text[..at].chars().next_back();
            let after = text[at + word.len()..].chars().next();
            !before.is_some_and(is_word) && !after.is_some_and(is_word)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(source: &str) -> Vec<(String, String)> {
        lines(source)
            .into_iter()
            .map(|line| (line.code, line.comment))
            .collect()
    }

    #[test]
    fn strings_are_blanked_and_comments_set_apart() {
        let found = split("let a = \"dbg!(\"; // TODO\nb();");
        assert_eq!(found[0].0, "let a = \"     \"; ");
        assert_eq!(found[0].1, " TODO");
        assert_eq!(found[1].0, "b();");
    }

    #[test]
    fn raw_strings_end_only_at_their_hashes() {
        let found = split("let a = r#\"one \" // two\"#; // three");
        assert!(!found[0].0.contains("two"));
        assert_eq!(found[0].1, " three");
        let bytes = split("let a = br\"// no\"; // yes");
        assert_eq!(bytes[0].1, " yes");
        let name = split("let bar = for_r\"x\"; // end");
        assert_eq!(name[0].1, " end");
    }

    #[test]
    fn a_quote_character_or_lifetime_opens_no_string() {
        let found = split("let a = '\"'; fn f<'a>(x: &'a str) {} // end");
        assert_eq!(found[0].1, " end");
        let escaped = split(r"let a = '\''; let b = '\\'; let c = '\u{1F600}'; // end");
        assert_eq!(escaped[0].1, " end");
    }

    #[test]
    fn block_comments_nest_and_span_lines() {
        let found = split("a /* one /* two */\nthree */ b");
        assert_eq!(found[0].0, "a ");
        assert_eq!(found[1].0, " b");
        assert_eq!(found[1].1, "three ");
    }

    #[test]
    fn an_escaped_line_end_keeps_the_count() {
        let found = split("let a = \"one \\\n two\"; // end");
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].1, " end");
    }

    #[test]
    fn documentation_is_told_from_remarks() {
        let found =
            lines("/// doc\n//! doc\n// remark\n//// remark\n/** doc\nmore */\n/* remark */");
        let flags: Vec<bool> = found.iter().map(|line| line.documentation).collect();
        assert_eq!(flags, [true, true, false, false, true, true, false]);
    }

    #[test]
    fn words_are_whole() {
        assert!(holds_word("see TODO.", "TODO"));
        assert!(!holds_word("TODOS", "TODO"));
        assert!(!holds_word("XXXXXX", "XXX"));
    }
}
