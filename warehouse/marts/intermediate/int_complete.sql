-- One row per person's last assessment and scale of which every item is answered.
with

latest as (select * from int_latest where period = 'all'),

all_scores as (select * from scores),

items as (
    select instrument, version, scale, count(distinct item) as items
    from ref_points
    group by instrument, version, scale
),

-- Scales as powers of two: the sum says which of them are complete.
bits as (
    select
        instrument, version, scale, items,
        power(2, row_number() over (partition by instrument, version order by scale) - 1) as bit
    from items
),

final as (
    select latest.instrument, latest.version, latest.assessment_id, bits.scale, bits.items, bits.bit, all_scores.points
    from latest
    inner join all_scores on all_scores.assessment_id = latest.assessment_id
    inner join bits
        on bits.instrument = latest.instrument
        and bits.version = latest.version
        and bits.scale = all_scores.scale
        and bits.items = all_scores.items_answered
)

select * from final
