-- The index of each scale by comune of residence, and of the whole Ente.
with

latest as (select * from int_latest),

valid_scores as (select * from scores where is_valid = 1),

indices as (
    select
        latest.period,
        latest.instrument,
        latest.comune,
        valid_scores.scale,
        valid_scores.index_tenths
    from latest
    inner join valid_scores on valid_scores.assessment_id = latest.assessment_id
),

with_total as (
    select * from indices
    union all
    select period, instrument, 'all' as comune, scale, index_tenths from indices
),

final as (
    select
        period,
        instrument,
        comune,
        scale,
        cast(count(*) as bigint) as people,
        cast(percentile_disc(0.5) within group (order by index_tenths) as bigint) as median_tenths,
        cast(sum(index_tenths) as bigint) as sum_tenths
    from with_total
    group by period, instrument, comune, scale
)

select * from final
order by period, instrument, comune, scale
