-- People by comune of residence, and their assessments.
with

latest as (select * from int_latest),

all_assessments as (select *, extract(year from assessed_on) as year from assessments),

people as (
    select
        period,
        instrument,
        comune,
        count(*) as people,
        count(*) filter (where age between 18 and 64) as people_18_64
    from latest
    group by period, instrument, comune
),

by_year as (
    select year, instrument, coalesce(comune, 'unknown') as comune, count(*) as assessments
    from all_assessments
    group by grouping sets ((year, instrument, coalesce(comune, 'unknown')), (instrument, coalesce(comune, 'unknown')))
),

visits as (
    select coalesce(cast(year as varchar), 'all') as period, instrument, comune, assessments
    from by_year
),

final as (
    select
        visits.period,
        visits.instrument,
        visits.comune,
        cast(coalesce(people.people, 0) as bigint) as people,
        cast(coalesce(people.people_18_64, 0) as bigint) as people_18_64,
        cast(visits.assessments as bigint) as assessments
    from visits
    left join people
        on people.period = visits.period
        and people.instrument = visits.instrument
        and people.comune = visits.comune
)

select * from final
order by period, instrument, comune
