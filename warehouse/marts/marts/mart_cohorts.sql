-- People who were first assessed in the same quarter: at which level they are found, quarter by quarter, for two years.
with

placed as (
    select instrument, assessment_id, place, first_quarter as cohort, quarter - first_quarter as since, is_last_of_quarter
    from int_placed
),

outcomes as (select * from int_outcomes),

levels as (select * from int_outcome_names where target not in ('profile', 'people')),

sizes as (
    select instrument, cohort, count(*) as cohort_people
    from placed
    where place = 1
    group by instrument, cohort
),

-- The quarter since in which each of them was assessed for the second time.
seconds as (
    select instrument, cohort, since, count(*) as people
    from placed
    where place = 2
    group by instrument, cohort, since
),

-- Whoever is assessed twice in a quarter is found where the last of the two has them.
lasts as (select * from placed where is_last_of_quarter and since <= 8),

assessed as (
    select instrument, cohort, since, count(*) as assessed
    from lasts
    group by instrument, cohort, since
),

reassessed as (
    select assessed.instrument, assessed.cohort, assessed.since, sum(seconds.people) as reassessed
    from assessed
    inner join seconds
        on seconds.instrument = assessed.instrument
        and seconds.cohort = assessed.cohort
        and seconds.since <= assessed.since
    group by assessed.instrument, assessed.cohort, assessed.since
),

counted as (
    select lasts.instrument, lasts.cohort, lasts.since, outcomes.cell, count(*) as people
    from lasts
    inner join outcomes on outcomes.assessment_id = lasts.assessment_id
    group by lasts.instrument, lasts.cohort, lasts.since, outcomes.cell
),

final as (
    select
        cast(cast(floor((counted.cohort - 1) / 4) as integer) as varchar)
        || '-Q'
        || cast((counted.cohort - 1) % 4 + 1 as varchar) as cohort,
        counted.instrument,
        levels.target as scale,
        cast(counted.since as bigint) as quarters_since,
        levels.outcome as level,
        cast(counted.people as bigint) as people,
        cast(assessed.assessed as bigint) as assessed,
        cast(coalesce(reassessed.reassessed, 0) as bigint) as reassessed,
        cast(sizes.cohort_people as bigint) as cohort_people
    from counted
    inner join levels on levels.cell = counted.cell
    inner join sizes on sizes.instrument = counted.instrument and sizes.cohort = counted.cohort
    inner join assessed
        on assessed.instrument = counted.instrument
        and assessed.cohort = counted.cohort
        and assessed.since = counted.since
    left join reassessed
        on reassessed.instrument = counted.instrument
        and reassessed.cohort = counted.cohort
        and reassessed.since = counted.since
)

select * from final
order by cohort, instrument, scale, quarters_since, level
