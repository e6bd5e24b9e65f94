-- What the definitions say of each scale, so that whoever asks has it beside the figures.
with

scales as (select * from ref_scales),

final as (
    select
        instrument,
        cast(version as bigint) as version,
        scale,
        cast(items as bigint) as items,
        cast(points_max as bigint) as points_max,
        cast(sem_hundredths as bigint) as sem_hundredths,
        cast(alpha_thousandths as bigint) as alpha_thousandths
    from scales
)

select * from final
order by instrument, version, scale
