-- How precisely each scale measures, over people who answered all of its items. `src/reliability.rs` computes it: products of
-- items by pairs and groups of people take DuckDB longer than all marts together.
with

quality as (select * from int_quality),

final as (
    select
        instrument,
        cast(version as bigint) as version,
        scale,
        cast(items as bigint) as items,
        cast(cases as bigint) as cases,
        cast(alpha_millionths as bigint) as alpha_millionths,
        cast(alpha_low_millionths as bigint) as alpha_low_millionths,
        cast(alpha_high_millionths as bigint) as alpha_high_millionths,
        cast(omega_millionths as bigint) as omega_millionths,
        cast(omega_low_millionths as bigint) as omega_low_millionths,
        cast(omega_high_millionths as bigint) as omega_high_millionths,
        cast(sem_hundredths as bigint) as sem_hundredths,
        sem_source,
        cast(floor_people as bigint) as floor_people,
        cast(ceiling_people as bigint) as ceiling_people
    from quality
)

select * from final
order by instrument, version, scale
