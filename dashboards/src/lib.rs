//! Pages for managers, analysts and researchers over published marts.
