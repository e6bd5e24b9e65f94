-- From the first to the last level of people assessed twice or more, up to the end of a period.
with

all_assessments as (select * from assessments),

latest as (select * from int_latest where period <> 'all'),

outcomes as (select * from int_outcomes where target not in ('profile', 'people')),

years as (select distinct instrument, period from latest),

placed as (
    select
        instrument, pseudonym, assessment_id,
        row_number() over (partition by instrument, pseudonym order by assessed_on, validated_at, assessment_id) as place
    from all_assessments
),

-- The last assessment of a year is the last one until the next year that has one.
lasts as (
    select
        instrument, pseudonym, assessment_id, period as since,
        lead(period) over (partition by instrument, pseudonym order by period) as before
    from latest
),

-- Whoever has one assessment has no path yet.
pairs as (
    select lasts.instrument, lasts.since, lasts.before, placed.assessment_id as first_id, lasts.assessment_id as last_id
    from lasts
    inner join placed
        on placed.instrument = lasts.instrument
        and placed.pseudonym = lasts.pseudonym
        and placed.place = 1
        and placed.assessment_id <> lasts.assessment_id
),

-- One line per end and scale, then both ends side by side: a join of outcomes with outcomes could be made first, and is square.
ends as (
    select last_id, first_id as assessment_id, 'first' as which from pairs
    union all
    select last_id, last_id as assessment_id, 'last' as which from pairs
),

levels as (
    select
        ends.last_id, outcomes.target as scale,
        max(case when ends.which = 'first' then outcomes.outcome end) as from_level,
        max(case when ends.which = 'last' then outcomes.outcome end) as to_level
    from ends
    inner join outcomes on outcomes.assessment_id = ends.assessment_id
    group by ends.last_id, outcomes.target
),

-- The same path holds for several periods: counted first, then given to each.
counted as (
    select
        pairs.instrument, pairs.since, pairs.before, levels.scale, levels.from_level, levels.to_level,
        count(*) as people
    from pairs
    inner join levels on levels.last_id = pairs.last_id
    where levels.from_level is not null and levels.to_level is not null
    group by pairs.instrument, pairs.since, pairs.before, levels.scale, levels.from_level, levels.to_level
),

periods as (
    select years.period, counted.instrument, counted.scale, counted.from_level, counted.to_level, counted.people
    from counted
    inner join years
        on years.instrument = counted.instrument
        and years.period >= counted.since
        and (counted.before is null or years.period < counted.before)
    union all
    select 'all' as period, instrument, scale, from_level, to_level, people
    from counted
    where before is null
),

final as (
    select period, instrument, scale, from_level, to_level, cast(sum(people) as bigint) as people
    from periods
    group by period, instrument, scale, from_level, to_level
)

select * from final
order by period, instrument, scale, from_level, to_level
