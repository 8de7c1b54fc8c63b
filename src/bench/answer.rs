//! HTTP/1.1, only as much as a load generator needs: whole answers with a length in, requests without a body out.

use std::io::Write;

use memchr::memmem;

use super::frame::{Frame, Opcode};

/// What the bench cannot take for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum AnswerFault {
    /// The bench expects `Content-Length`.
    #[error("an answer without a length")]
    NoLength,
    /// More than the bench is ready to hold.
    #[error("an answer of more than 256 MiB")]
    TooLarge,
}

const LARGEST: usize = 256 << 20;
/// A head that is longer is none.
const LONGEST_HEAD: usize = 16 * 1_024;
const LENGTH: &[u8] = b"\r\ncontent-length: ";

/// The answer at the start of the bytes as a frame of text, or `None` if more is to come.
pub(super) fn first(bytes: &[u8]) -> Result<Option<Frame<'_>>, AnswerFault> {
    let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
        return if bytes.len() > LONGEST_HEAD { Err(AnswerFault::NoLength) } else { Ok(None) };
    };
    let (head, body) = bytes.split_at(end + 4);
    let length = length(head).ok_or(AnswerFault::NoLength)?;
    if length > LARGEST {
        return Err(AnswerFault::TooLarge);
    }
    let wire = head.len() + length;
    Ok(body.get(..length).map(|payload| Frame { opcode: Opcode::Text, payload, wire }))
}

fn length(head: &[u8]) -> Option<usize> {
    let at = head.windows(LENGTH.len()).position(|window| window.eq_ignore_ascii_case(LENGTH))?;
    let digits = head.get(at + LENGTH.len()..)?.split(|byte| *byte == b'\r').next()?;
    std::str::from_utf8(digits).ok()?.trim().parse().ok()
}

/// Appends a request for this target.
pub(super) fn put_request(target: &str, out: &mut Vec<u8>) {
    // Writing to memory does not fail.
    drop(write!(out, "GET {target} HTTP/1.1\r\nHost: hub\r\n\r\n"));
}

#[cfg(test)]
mod tests {
    use super::super::frame::Splitter;
    use super::*;

    fn collect(answers: &mut Splitter, chunk: &[u8]) -> Result<Vec<(Vec<u8>, usize)>, AnswerFault> {
        let mut bodies = Vec::new();
        answers.feed(chunk, first, |frame| bodies.push((frame.payload.to_vec(), frame.wire)))?;
        Ok(bodies)
    }

    #[test]
    fn answers_come_out_whole_however_they_are_cut() {
        let one = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\nhi";
        let two = b"HTTP/1.1 429 Too Many Requests\r\nserver: x\r\ncontent-length: 0\r\n\r\n";
        let stream = [one.as_slice(), two, one].concat();
        for step in [1, 3, one.len(), stream.len()] {
            let mut answers = Splitter::default();
            let mut bodies = Vec::new();
            for chunk in stream.chunks(step) {
                bodies.extend(collect(&mut answers, chunk).unwrap());
            }
            let want = [(b"hi".to_vec(), one.len()), (Vec::new(), two.len()), (b"hi".to_vec(), one.len())];
            assert_eq!(bodies, want, "in steps of {step}");
            assert!(answers.is_empty());
        }
    }

    #[test]
    fn what_has_no_length_is_a_fault() {
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        assert_eq!(collect(&mut Splitter::default(), chunked), Err(AnswerFault::NoLength));
        let endless = vec![b'x'; LONGEST_HEAD + 1];
        assert_eq!(collect(&mut Splitter::default(), &endless), Err(AnswerFault::NoLength));
        let huge = b"HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n";
        assert_eq!(collect(&mut Splitter::default(), huge), Err(AnswerFault::TooLarge));
    }

    #[test]
    fn a_request_is_a_head() {
        let mut out = Vec::new();
        put_request("/time/0", &mut out);
        assert_eq!(out, b"GET /time/0 HTTP/1.1\r\nHost: hub\r\n\r\n");
    }
}
