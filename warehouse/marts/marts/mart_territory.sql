-- People by comune of residence and level of each scale.
with

latest as (select * from int_latest),

outcomes as (select * from int_outcomes),

levels as (select * from int_outcome_names where target not in ('profile', 'people')),

counted as (
    select latest.period, latest.instrument, latest.comune, outcomes.cell, count(*) as people
    from latest
    inner join outcomes on outcomes.assessment_id = latest.assessment_id
    group by latest.period, latest.instrument, latest.comune, outcomes.cell
),

final as (
    select
        counted.period,
        counted.instrument,
        counted.comune,
        levels.target as scale,
        levels.outcome as level,
        cast(counted.people as bigint) as people
    from counted
    inner join levels on levels.cell = counted.cell
)

select * from final
order by period, instrument, comune, scale, level
