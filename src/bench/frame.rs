//! WebSocket framing, only as much as a load generator needs: whole server frames in, zero-masked client frames out.

/// A frame as the hub sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// What it is.
    pub(super) opcode: Opcode,
    /// What it holds.
    pub(super) payload: &'a [u8],
    /// Its size on the wire, header included.
    pub(super) wire: usize,
}

/// The kinds of frames a hub sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    /// UTF-8 text.
    Text,
    /// Bytes.
    Binary,
    /// The end, with a code and a reason.
    Close,
    /// To be answered with a pong.
    Ping,
    /// An answer.
    Pong,
}

/// Bytes that are no frame a hub may send here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameFault {
    /// Reserved bits are set although no extension was agreed.
    #[error("a frame with reserved bits")]
    Reserved,
    /// Servers do not mask.
    #[error("a masked frame from a server")]
    Masked,
    /// The bench expects every frame in one piece.
    #[error("a fragmented frame")]
    Fragmented,
    /// An opcode nobody knows.
    #[error("an unknown opcode")]
    Opcode,
    /// More than the bench is ready to hold.
    #[error("a frame of more than 256 MiB")]
    TooLarge,
}

const LARGEST: usize = 256 << 20;

/// Cuts what arrives on one connection into frames; between two reads it keeps only the piece of a frame that has begun.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    begun: Vec<u8>,
}

impl Splitter {
    /// Hands every frame that is complete with this chunk to `each`; `first` cuts the frame at the start of some bytes, or says
    /// that more is to come.
    pub(super) fn feed<E>(
        &mut self,
        chunk: &[u8],
        first: fn(&[u8]) -> Result<Option<Frame<'_>>, E>,
        mut each: impl FnMut(Frame<'_>),
    ) -> Result<(), E> {
        if self.begun.is_empty() {
            let used = split(chunk, first, &mut each)?;
            self.begun.extend_from_slice(chunk.get(used..).unwrap_or_default());
            return Ok(());
        }
        self.begun.extend_from_slice(chunk);
        let used = split(&self.begun, first, &mut each)?;
        self.begun.drain(..used);
        Ok(())
    }

    /// Whether no piece of a frame is kept.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.begun.is_empty()
    }
}

fn split<E>(
    bytes: &[u8],
    first: fn(&[u8]) -> Result<Option<Frame<'_>>, E>,
    each: &mut impl FnMut(Frame<'_>),
) -> Result<usize, E> {
    let mut used = 0;
    while let Some(rest) = bytes.get(used..)
        && let Some(frame) = first(rest)?
    {
        used += frame.wire;
        each(frame);
    }
    Ok(used)
}

/// The frame at the start of the bytes, or `None` if more is to come.
pub(super) fn first(bytes: &[u8]) -> Result<Option<Frame<'_>>, FrameFault> {
    let &[flags, length, ref rest @ ..] = bytes else { return Ok(None) };
    let opcode = opcode(flags)?;
    if length & 0x80 != 0 {
        return Err(FrameFault::Masked);
    }
    let (header, payload) = match (length, rest) {
        (126, &[a, b, ..]) => (4, usize::from(u16::from_be_bytes([a, b]))),
        (127, &[a, b, c, d, e, f, g, h, ..]) => (10, u64::from_be_bytes([a, b, c, d, e, f, g, h]) as usize),
        (126 | 127, _) => return Ok(None),
        (short, _) => (2, usize::from(short)),
    };
    if payload > LARGEST {
        return Err(FrameFault::TooLarge);
    }
    let wire = header + payload;
    Ok(bytes.get(header..wire).map(|payload| Frame { opcode, payload, wire }))
}

fn opcode(flags: u8) -> Result<Opcode, FrameFault> {
    if flags & 0x70 != 0 {
        return Err(FrameFault::Reserved);
    }
    if flags & 0x80 == 0 {
        return Err(FrameFault::Fragmented);
    }
    match flags & 0x0f {
        0x0 => Err(FrameFault::Fragmented),
        0x1 => Ok(Opcode::Text),
        0x2 => Ok(Opcode::Binary),
        0x8 => Ok(Opcode::Close),
        0x9 => Ok(Opcode::Ping),
        0xa => Ok(Opcode::Pong),
        _ => Err(FrameFault::Opcode),
    }
}

/// Appends a text frame as a client sends it; the mask is zero, so that masking costs neither side anything.
pub(super) fn put_client_text(payload: &[u8], out: &mut Vec<u8>) {
    put(0x81, 0x80, payload, out);
}

/// Appends the answer to a ping.
pub(super) fn put_pong(payload: &[u8], out: &mut Vec<u8>) {
    put(0x8a, 0x80, payload, out);
}

/// Appends a text frame as a server sends it.
pub(super) fn put_server_text(payload: &[u8], out: &mut Vec<u8>) {
    put(0x81, 0, payload, out);
}

fn put(flags: u8, masked: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(flags);
    match payload.len() {
        length @ 0..=125 => out.push(masked | length as u8),
        length @ 126..=0xffff => {
            out.push(masked | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(masked | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    if masked != 0 {
        out.extend_from_slice(&[0; 4]);
    }
    out.extend_from_slice(payload);
}

/// The size on the wire of a server's frame with this much payload.
pub(super) fn server_wire(payload: usize) -> usize {
    payload
        + if payload < 126 {
            2
        } else if payload <= 0xffff {
            4
        } else {
            10
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(splitter: &mut Splitter, chunk: &[u8]) -> Result<Vec<(Opcode, Vec<u8>, usize)>, FrameFault> {
        let mut frames = Vec::new();
        splitter
            .feed(chunk, first, |frame| frames.push((frame.opcode, frame.payload.to_vec(), frame.wire)))?;
        Ok(frames)
    }

    #[test]
    fn frames_of_every_length_come_out_whole_however_they_are_cut() {
        let sizes = [0_usize, 1, 125, 126, 500, 65_535, 65_536];
        let mut stream = Vec::new();
        for (fill, size) in sizes.iter().enumerate() {
            put_server_text(&vec![fill as u8; *size], &mut stream);
        }
        for step in [1, 3, 504, 4_096, stream.len()] {
            let mut splitter = Splitter::default();
            let mut frames = Vec::new();
            for chunk in stream.chunks(step) {
                frames.extend(collect(&mut splitter, chunk).unwrap());
            }
            let got: Vec<_> = frames.iter().map(|(_, payload, wire)| (payload.len(), *wire)).collect();
            let want: Vec<_> = sizes.iter().map(|size| (*size, server_wire(*size))).collect();
            assert_eq!(got, want, "in steps of {step}");
            assert!(
                frames
                    .iter()
                    .enumerate()
                    .all(|(fill, (_, payload, _))| payload.iter().all(|b| *b == fill as u8))
            );
            assert!(splitter.is_empty());
        }
    }

    #[test]
    fn what_no_server_may_send_is_a_fault() {
        for (bytes, fault) in [
            ([0xc1, 0], FrameFault::Reserved),
            ([0x81, 0x80], FrameFault::Masked),
            ([0x01, 0], FrameFault::Fragmented),
            ([0x80, 0], FrameFault::Fragmented),
            ([0x83, 0], FrameFault::Opcode),
        ] {
            assert_eq!(collect(&mut Splitter::default(), &bytes), Err(fault));
        }
        let endless = [0x81, 127, 0xff, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(collect(&mut Splitter::default(), &endless), Err(FrameFault::TooLarge));
    }

    #[test]
    fn client_frames_are_masked_with_zeros() {
        let mut out = Vec::new();
        put_client_text(b"hi", &mut out);
        put_pong(b"", &mut out);
        assert_eq!(out, [0x81, 0x82, 0, 0, 0, 0, b'h', b'i', 0x8a, 0x80, 0, 0, 0, 0]);
        out.clear();
        put_client_text(&[b'x'; 300], &mut out);
        assert_eq!(out.get(..8), Some([0x81, 0xfe, 1, 44, 0, 0, 0, 0].as_slice()));
        assert_eq!(out.len(), 308);
    }

    #[test]
    fn control_frames_keep_their_kind() {
        let frames = collect(&mut Splitter::default(), &[0x89, 1, b'p', 0x8a, 0, 0x88, 2, 3, 232]).unwrap();
        let kinds: Vec<_> = frames.iter().map(|(opcode, ..)| *opcode).collect();
        assert_eq!(kinds, [Opcode::Ping, Opcode::Pong, Opcode::Close]);
    }
}
