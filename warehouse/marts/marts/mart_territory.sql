-- People by comune of residence and level of each scale.
with

latest as (select * from int_latest),

levels as (select * from int_outcomes where target not in ('profile', 'people')),

final as (
    select
        latest.period,
        latest.instrument,
        latest.comune,
        levels.target as scale,
        levels.outcome as level,
        cast(count(*) as bigint) as people
    from latest
    inner join levels on levels.assessment_id = latest.assessment_id
    group by latest.period, latest.instrument, latest.comune, levels.target, levels.outcome
)

select * from final
order by period, instrument, comune, scale, level
