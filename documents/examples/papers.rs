//! Writes every sample to a folder, to be looked at, and says how long each took.
//!
//! `cargo run -p documents --example papers -- FOLDER`
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a tool for the hand: it prints, and measures with the clock"
)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use documents::{
    AccessReport, AccountsList, Agreement, Certificate, EasyReport, Interest, Paper, Press, Report, Sheet,
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("give a folder")?);
    let start = Instant::now();
    let press = Press::new()?;
    println!("{:<22}{:>6} ms", "press", start.elapsed().as_millis());
    for round in ["first", "again"] {
        write::<Report>(&press, &folder, round)?;
        write::<EasyReport>(&press, &folder, round)?;
        write::<AccessReport>(&press, &folder, round)?;
        write::<Agreement>(&press, &folder, round)?;
        write::<Interest>(&press, &folder, round)?;
        write::<Certificate>(&press, &folder, round)?;
        write::<AccountsList>(&press, &folder, round)?;
        write::<Sheet>(&press, &folder, round)?;
    }
    for line in std::fs::read_to_string("/proc/self/status").unwrap_or_default().lines() {
        if line.starts_with("VmHWM") || line.starts_with("VmRSS") {
            println!("{line}");
        }
    }
    Ok(())
}

fn write<P: Paper>(press: &Press, folder: &Path, round: &str) -> Result<(), Box<dyn Error>> {
    for (place, paper) in P::samples().iter().enumerate() {
        let start = Instant::now();
        let pdf = press.print(paper)?;
        let took = start.elapsed().as_millis();
        let name = format!("{}-{place}", P::FILE.trim_end_matches(".typ"));
        std::fs::write(folder.join(format!("{name}.pdf")), &pdf)?;
        println!("{name:<22}{took:>6} ms {:>7} bytes, {round}", pdf.len());
    }
    Ok(())
}
