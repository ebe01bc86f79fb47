//! What a partner may get wrong, by name.

use std::fmt;

macro_rules! leniencies {
    ($($(#[$doc:meta])* $variant:ident $field:ident $by_default:literal $what:literal,)*) => {
        /// What a partner may get wrong without losing the session (RFC 5024, 8.2 asks for it).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Leniency {
            $($(#[$doc])* $variant,)*
        }

        /// Which leniencies are allowed. By default all but `wrong_counts` and `octets_behind`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct Tolerances {
            $($(#[$doc])* pub $field: bool,)*
        }

        impl Tolerances {
            /// None: the RFC to the letter.
            pub const STRICT: Self = Self { $($field: false,)* };

            /// Whether that leniency is allowed.
            pub fn allow(&self, leniency: Leniency) -> bool {
                match leniency {
                    $(Leniency::$variant => self.$field,)*
                }
            }

            /// The same with that leniency allowed, or not.
            #[must_use]
            pub fn with(mut self, leniency: Leniency, allowed: bool) -> Self {
                match leniency {
                    $(Leniency::$variant => self.$field = allowed,)*
                }
                self
            }
        }

        impl Default for Tolerances {
            fn default() -> Self {
                Self { $($field: $by_default,)* }
            }
        }

        impl Leniency {
            /// Every one, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The one whose switch has that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($field) => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The name of its switch in [`Tolerances`].
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($field),)*
                }
            }
        }

        impl fmt::Display for Leniency {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $what,)*
                })
            }
        }
    };
}

leniencies! {
    /// A carriage return that is missing or another character (RFC 5024, 5.3.1, 5.3.2, 5.3.11).
    LineEnds line_ends true "the carriage return is missing or another character",
    /// A ready message with another text (RFC 5024, 5.3.1).
    ReadyMessages ready_messages true "the text of the ready message is another",
    /// Blanks in a number; all blank is 0 (RFC 5024, 5.3).
    BlankNumbers blank_numbers true "a number is padded with blanks",
    /// A flag that is a blank instead of Y or N (RFC 5024, 5.3); it is read as N.
    BlankFlags blank_flags true "a flag is blank, read as N",
    /// A command without its optional or reserved end (RFC 5024, 8.2).
    ShortCommands short_commands true "the command ends before an optional part",
    /// A responder that answers with more credit than was offered (RFC 5024, 5.3.2); its value holds.
    LargerCredit larger_credit true "the answer has more credit than was offered",
    /// CDT while there is credit, or after EFID (RFC 5024, 9.10); sets the credit, never adds to it.
    EarlyCredit early_credit true "credit was set before it was used up",
    /// EFID while waiting for credit (RFC 5024, 9.11.3).
    EarlyEndOfFile early_end_of_file true "the file was ended without waiting for credit",
    /// ESID 00 anywhere no file or response is under way (RFC 5024, 3.4.1).
    EarlyRelease early_release true "the session was released out of turn",
    /// CD in answer to our CD, which says that neither side has anything to send (RFC 5024, 3.3.4.2): the session is
    /// released by us.
    ReturnedTurn returned_turn true "the turn was given back, where the session is to be released",
    /// A DATA buffer one octet longer than agreed (RFC 5024, 5.3.2).
    OversizedData oversized_data true "the buffer is one octet longer than agreed",
    /// Ends of record inside a file that is one record (RFC 5024, 7.2).
    RecordsInStream records_in_stream true "ends of record inside a file of one record",
    /// No end of record at the end of the file (RFC 5024, 7.2).
    MissingEndOfRecord missing_end_of_record true "the last record was not ended",
    /// Totals in EFID that differ from what was received (RFC 5024, 5.3.8). Forgiving hides octets that
    /// were lost, so it is off by default.
    WrongCounts wrong_counts false "the totals are not those of what was received",
    /// NUL octets around a text, as in fields that a program in C filled (RFC 5024, 5.3: left justified, padded with
    /// blanks).
    NulPadding nul_padding true "a text is padded with NUL octets",
    /// User data (SSIDUSER, EERPUSER) with octets that are no printable ISO 646: read as none.
    UserDataOctets user_data_octets true "user data holds octets that are no characters, read as none",
    /// Octets behind a command, at most 64 of them. They may be a field that was shifted, so that it is off by default.
    OctetsBehind octets_behind false "octets follow the end of the command",
    /// A count of records for a file that is one record (EFIDRCNT, RFC 5024, 5.3.8): not read.
    RecordCountOfStream stream_record_counts true "records are counted in a file of one record",
    /// An Odette ID in upper case that is agreed in lower case, or the other way round (RFC 5024, 5.4). The engine
    /// tells it as it came: where this is allowed, whoever knows the partners compares without regard to case.
    OdetteIdCase odette_id_case true "an Odette ID is written in another case than agreed",
    /// A response that names the file in another case, or with other blanks (RFC 5024, 5.3.13). The engine tells every
    /// response as it came: where this is allowed, whoever holds the files looks for the only one that it fits.
    ResponseNames response_names true "the response writes names or stations of the file in another way",
    /// A response whose originator and destination are not swapped (RFC 5024, 5.3.13). The engine knows
    /// no files and tells every response as it came: where this is allowed, whoever holds the files
    /// looks for [`FileKey::swapped`](crate::FileKey::swapped) when the key as it came names none, and
    /// tells of it.
    UnswappedResponses unswapped_responses true
        "originator and destination of the response are not swapped",
    /// A NERP with a reason of SFNA (RFC 5024, 5.3.14).
    ResponseReasons response_reasons true "a negative response has a reason of SFNA's table",
}

/// A leniency that was used.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tolerance {
    /// Which of the things that the agreement lets pass.
    pub leniency: Leniency,
    /// Where: command and field.
    pub what: String,
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} ({})",
            self.what,
            self.leniency,
            self.leniency.name()
        )
    }
}
