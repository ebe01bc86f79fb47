//! What an error may blame.

use pointsman_cms::CmsError;

/// Whether an error says that the file is wrong: the library and the machine are not, whatever comes in.
pub fn blames_the_file(error: &CmsError) -> bool {
    match error {
        CmsError::Layer { .. } | CmsError::Decryption | CmsError::TooLarge { .. } => true,
        CmsError::AfterDecryption(inner) => blames_the_file(inner),
        _ => false,
    }
}
