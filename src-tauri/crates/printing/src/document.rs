//! What is printed.

use std::fmt;
use std::sync::Arc;

/// How a document's pages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Vector page of the document's true size. What CUPS and most printers of today take.
    Pdf,
    /// A picture of the page at 300 dpi: for Windows' spooler, and for printers that take no PDF.
    Png,
}

/// Makes the page in one form; `None` where it cannot be made.
pub type Pages = Arc<dyn Fn(Form) -> Option<Vec<u8>> + Send + Sync>;

/// One page to print.
#[derive(Clone)]
pub struct Document {
    /// Name of the job, which the printer's own display and every print server shows: it says what kind of paper this
    /// is and nothing about whose.
    pub title: &'static str,
    /// Size of the page in millimetres: width, height.
    pub size_mm: [f64; 2],
    /// The page.
    pub pages: Pages,
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("title", &self.title)
            .field("size_mm", &self.size_mm)
            .finish_non_exhaustive()
    }
}
