//! A new key for a partition: the same rows, nothing left of what the old key opened, readable wherever it is stopped.

use std::collections::BTreeMap;

use super::*;

fn read(world: &World) -> (String, Option<String>) {
    let lake = world.lake.ente(ente(1)).unwrap().unwrap();
    world.lake.verify(ente(1)).unwrap();
    let sql = "select string_agg(assessment_id || ':' || pseudonym, ',' order by assessment_id) from assessments";
    (lake.manifest().lake_key_id.clone(), lake.query(sql).unwrap().rows[0][0].clone())
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let paths = crate::layout::walk(folder).unwrap().into_iter();
    paths.map(|path| (path.clone(), fs::read(folder.join(path)).unwrap())).collect()
}

#[test]
fn a_partition_stands_under_its_new_key_wherever_the_renewal_is_stopped() {
    let mut world = World::new();
    let lake = world.lake.clone();
    let keys = world.folder.path().join("keys");
    for (last_seq, sheets) in [(0, &SHEETS[..4]), (1, &SHEETS[..])] {
        let publication = Publication { keep_days: 7, last_seq, ..world.publication(sheets) };
        lake.publish(ente(1), publication, now(), &mut world.chance).unwrap();
    }
    world.publish(2, &SHEETS[..2]);
    let other = files(&lake.folder().join(format!("ente={}", ente(2))));
    let (old_id, rows) = read(&world);
    let folder = lake.folder().join(format!("ente={}", ente(1)));
    let before = files(&folder);

    // Begun, and begun again: everything is as it was, and a run goes on under the old key.
    lake.begin_renewal(ente(1), &mut world.chance).unwrap();
    let begun = files(&keys);
    lake.begin_renewal(ente(1), &mut world.chance).unwrap();
    assert_eq!((files(&keys), begun.len()), (begun.clone(), 3));
    assert_eq!(read(&world), (old_id.clone(), rows.clone()));
    let publication = Publication { keep_days: 7, last_seq: 1, ..world.publication(&SHEETS) };
    assert!(!lake.publish(ente(1), publication, now(), &mut world.chance).unwrap().is_changed);
    let sealed = lake.vault(ente(1)).unwrap().seal(b"kept", "x", &mut world.chance);

    let written = lake.end_renewal(ente(1), now(), &mut world.chance).unwrap();
    let (new_id, same_rows) = read(&world);
    assert_eq!((&same_rows, new_id == old_id), (&rows, false));
    let after = files(&folder);
    let named = lake.manifest(ente(1)).unwrap().unwrap();
    assert_eq!((named.version, named.files.len(), after.len()), (3, written, written + 2));
    assert!(after.iter().all(|(path, bytes)| path == "lease" || before.get(path) != Some(bytes)));
    assert_eq!(*lake.vault(ente(1)).unwrap().open(&sealed, "x").unwrap(), b"kept");

    // Stopped after the root was replaced and before the old key was gone: the manifest says which of the two opens.
    for (name, bytes) in &begun {
        fs::write(keys.join(name), bytes).unwrap();
    }
    assert_eq!(read(&world), (new_id.clone(), rows.clone()));
    let publication = Publication { keep_days: 7, last_seq: 1, ..world.publication(&SHEETS) };
    assert!(!lake.publish(ente(1), publication, now(), &mut world.chance).unwrap().is_changed);
    lake.end_renewal(ente(1), now(), &mut world.chance).unwrap();
    assert_eq!(read(&world), (new_id.clone(), rows));
    assert_eq!(files(&keys).len(), 2);
    // Without having been begun there is nothing to do.
    assert_eq!(lake.end_renewal(ente(1), now(), &mut world.chance).unwrap(), 0);
    assert_eq!(read(&world).0, new_id);

    // The other Ente's are the same bytes; a closed one's key is not made anew.
    assert_eq!(files(&lake.folder().join(format!("ente={}", ente(2)))), other);
    lake.begin_renewal(ente(2), &mut world.chance).unwrap();
    lake.close(ente(2)).unwrap();
    assert_eq!(files(&keys).len(), 1);
    assert!(lake.begin_renewal(ente(2), &mut world.chance).is_err());
}
