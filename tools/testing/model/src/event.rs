// SPDX-License-Identifier: GPL-2.0

//! What happens, what it leads to, and both as text: a line an event,
//!
//! ```text
//! SEQ VCPU KIND ARGS... [-> RESULT...]
//! ```
//!
//! Numbers are decimal, or hexadecimal behind `0x`. What begins with `#` is a comment.

use std::fmt::{self, Display};

/// A frame of registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The distributor.
    Gicd,
    /// The redistributor of a vCPU.
    Gicr(u32),
}

/// Where an access is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// In which frame.
    pub frame: Frame,
    /// Where in there.
    pub offset: u32,
    /// How many bytes.
    pub bytes: u32,
}

/// A register that sends SGIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SgiRegister {
    Sgi1r,
    Asgi1r,
    Sgi0r,
}

/// What happens on a vCPU, or to it. Whatever a guest does that KVM has to emulate happens after it
/// has left the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A guest reads a register.
    Read(Access),
    /// A guest writes one.
    Write(Access, u64),
    /// User space reads one: 32 bits.
    UserRead(Frame, u32),
    /// User space writes one.
    UserWrite(Frame, u32, u32),
    /// `KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO`, from this interrupt on.
    ReadLevels(u32),
    /// Likewise.
    WriteLevels(u32, u32),
    /// A device drives a line: `KVM_IRQ_LINE`, an irqfd, or a device of KVM's own.
    Line(u32, bool),
    /// A guest of a GICv3 sends an SGI.
    Sgi(SgiRegister, u64),
    /// Which groups its CPU interface has enabled.
    Groups(bool, bool),
    /// Its priority mask.
    Mask(u8),
    /// Whether it separates the end of an interrupt from its deactivation.
    Separate(bool),
    /// It enters its guest.
    Enter,
    /// It leaves it.
    Exit,
    /// In the guest: an interrupt is acknowledged.
    Acknowledge,
    /// In the guest: the last one acknowledged is ended.
    End,
    /// In the guest: this one is deactivated.
    Deactivate(u32),
    /// The vCPU enters its guest, which acknowledges what it is shown, and leaves it. Nobody has seen
    /// what it was entered with; what is acknowledged, and the running priority from then on, is in
    /// the outcome (see [`Taken`](crate::Taken)).
    Take,
    /// Likewise; the last one acknowledged is ended.
    Finish,
    /// The vCPU waits, if there is nothing that it should not wait for.
    Wait,
    /// User space saves the GIC, and restores it in another VM.
    Migrate,
    /// A guest writes a byte of its memory: how an LPI is configured.
    Configure(u32, u8),
    /// A guest has an ITS execute a command.
    Command([u64; 4]),
    /// A device sends a message: its number, and its event's.
    Message(u32, u32),
    /// The first half of that: it is translated.
    Translate(u32, u32),
    /// The second half: what was translated last becomes pending.
    Arrive,
}

/// What a vCPU enters its guest with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// `ICH_HCR_EL2` or `GICH_HCR`.
    pub hcr: u64,
    /// The list registers in use.
    pub lrs: Vec<u64>,
}

/// What comes of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What is read, or acknowledged, or otherwise said.
    pub value: Option<u64>,
    /// Of [`Event::Enter`]. None: it stays outside.
    pub entry: Option<Entry>,
    /// The vCPUs, one bit each, that have to look, or to wake up.
    pub kicks: u32,
}

/// A line of a script or trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub vcpu: u32,
    pub event: Event,
    pub outcome: Option<Outcome>,
}

impl Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gicd => write!(f, "gicd"),
            Self::Gicr(of) => write!(f, "gicr{of}"),
        }
    }
}

impl Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:#x} {}", self.frame, self.offset, self.bytes)
    }
}

impl Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Read(at) => write!(f, "read {at}"),
            Self::Write(at, value) => write!(f, "write {at} {value:#x}"),
            Self::UserRead(frame, offset) => write!(f, "user-read {frame} {offset:#x}"),
            Self::UserWrite(frame, offset, value) => {
                write!(f, "user-write {frame} {offset:#x} {value:#x}")
            }
            Self::ReadLevels(first) => write!(f, "levels {first}"),
            Self::WriteLevels(first, value) => write!(f, "set-levels {first} {value:#x}"),
            Self::Line(intid, high) => write!(f, "line {intid} {}", u8::from(high)),
            Self::Sgi(SgiRegister::Sgi1r, value) => write!(f, "sgi1r {value:#x}"),
            Self::Sgi(SgiRegister::Asgi1r, value) => write!(f, "asgi1r {value:#x}"),
            Self::Sgi(SgiRegister::Sgi0r, value) => write!(f, "sgi0r {value:#x}"),
            Self::Groups(zero, one) => write!(f, "groups {} {}", u8::from(zero), u8::from(one)),
            Self::Mask(mask) => write!(f, "mask {mask:#x}"),
            Self::Separate(on) => write!(f, "separate {}", u8::from(on)),
            Self::Enter => write!(f, "enter"),
            Self::Exit => write!(f, "exit"),
            Self::Acknowledge => write!(f, "ack"),
            Self::End => write!(f, "end"),
            Self::Deactivate(intid) => write!(f, "deactivate {intid}"),
            Self::Take => write!(f, "take"),
            Self::Finish => write!(f, "finish"),
            Self::Wait => write!(f, "wait"),
            Self::Migrate => write!(f, "migrate"),
            Self::Configure(lpi, byte) => write!(f, "configure {lpi} {byte:#x}"),
            Self::Command([a, b, c, d]) => write!(f, "command {a:#x} {b:#x} {c:#x} {d:#x}"),
            Self::Message(device, event) => write!(f, "message {device} {event}"),
            Self::Translate(device, event) => write!(f, "translate {device} {event}"),
            Self::Arrive => write!(f, "arrive"),
        }
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "->")?;
        if let Some(value) = self.value {
            write!(f, " {value:#x}")?;
        }
        if let Some(entry) = &self.entry {
            write!(f, " hcr {:#x}", entry.hcr)?;
            for lr in &entry.lrs {
                write!(f, " lr {lr:#x}")?;
            }
        }
        if self.kicks != 0 {
            write!(f, " kick {:#x}", self.kicks)?;
        }
        Ok(())
    }
}

impl Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.vcpu, self.event)?;
        match &self.outcome {
            Some(outcome) => write!(f, " {outcome}"),
            None => Ok(()),
        }
    }
}

/// The words of a line, one after the other.
struct Words<'l>(std::str::SplitWhitespace<'l>);

impl Words<'_> {
    fn number(&mut self) -> Option<u64> {
        let word = self.0.next()?;

        match word.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => word.parse().ok(),
        }
    }

    fn small(&mut self) -> Option<u32> {
        self.number()?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.number()?.try_into().ok()
    }

    fn flag(&mut self) -> Option<bool> {
        Some(self.number()? != 0)
    }

    fn frame(&mut self) -> Option<Frame> {
        match self.0.next()? {
            "gicd" => Some(Frame::Gicd),
            other => Some(Frame::Gicr(other.strip_prefix("gicr")?.parse().ok()?)),
        }
    }

    fn access(&mut self) -> Option<Access> {
        Some(Access {
            frame: self.frame()?,
            offset: self.small()?,
            bytes: self.small()?,
        })
    }

    fn event(&mut self) -> Option<Event> {
        Some(match self.0.next()? {
            "read" => Event::Read(self.access()?),
            "write" => Event::Write(self.access()?, self.number()?),
            "user-read" => Event::UserRead(self.frame()?, self.small()?),
            "user-write" => Event::UserWrite(self.frame()?, self.small()?, self.small()?),
            "levels" => Event::ReadLevels(self.small()?),
            "set-levels" => Event::WriteLevels(self.small()?, self.small()?),
            "line" => Event::Line(self.small()?, self.flag()?),
            "sgi1r" => Event::Sgi(SgiRegister::Sgi1r, self.number()?),
            "asgi1r" => Event::Sgi(SgiRegister::Asgi1r, self.number()?),
            "sgi0r" => Event::Sgi(SgiRegister::Sgi0r, self.number()?),
            "groups" => Event::Groups(self.flag()?, self.flag()?),
            "mask" => Event::Mask(self.byte()?),
            "separate" => Event::Separate(self.flag()?),
            "enter" => Event::Enter,
            "exit" => Event::Exit,
            "ack" => Event::Acknowledge,
            "end" => Event::End,
            "deactivate" => Event::Deactivate(self.small()?),
            "take" => Event::Take,
            "finish" => Event::Finish,
            "wait" => Event::Wait,
            "migrate" => Event::Migrate,
            "configure" => Event::Configure(self.small()?, self.byte()?),
            "command" => Event::Command([
                self.number()?,
                self.number()?,
                self.number()?,
                self.number()?,
            ]),
            "message" => Event::Message(self.small()?, self.small()?),
            "translate" => Event::Translate(self.small()?, self.small()?),
            "arrive" => Event::Arrive,
            _ => return None,
        })
    }

    fn outcome(&mut self) -> Option<Outcome> {
        let mut outcome = Outcome::default();

        while let Some(word) = self.0.clone().next() {
            if word.as_bytes()[0].is_ascii_digit() {
                outcome.value = Some(self.number()?);
                continue;
            }
            self.0.next();
            match word {
                "kick" => outcome.kicks = self.small()?,
                "hcr" => outcome.entry.get_or_insert_default().hcr = self.number()?,
                "lr" => outcome.entry.as_mut()?.lrs.push(self.number()?),
                _ => return None,
            }
        }
        Some(outcome)
    }
}

/// A line of a script or trace; none of a comment or an empty one.
///
/// # Errors
///
/// What can't be read.
pub fn parse(text: &str) -> Result<Option<Line>, String> {
    let text = text.trim();

    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let (event, outcome) = match text.split_once("->") {
        Some((event, outcome)) => (event, Some(outcome)),
        None => (text, None),
    };
    let mut words = Words(event.split_whitespace());
    let line = (|| {
        words.number()?;
        Some(Line {
            vcpu: words.small()?,
            event: words.event()?,
            outcome: match outcome {
                Some(outcome) => Some(Words(outcome.split_whitespace()).outcome()?),
                None => None,
            },
        })
    })();

    match line {
        Some(line) if words.0.next().is_none() => Ok(Some(line)),
        _ => Err(format!("not an event: {text}")),
    }
}
