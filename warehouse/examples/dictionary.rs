//! Prints docs/dictionary.md.

#![expect(clippy::print_stdout, reason = "the page is what it prints")]

fn main() -> Result<(), toml::de::Error> {
    print!("{}", warehouse::dictionary::page()?);
    Ok(())
}
