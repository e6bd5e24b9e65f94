-- From the first to the last level of people assessed twice or more, up to the end of a period.
with

-- The last assessment of a year is the last one until the next year that has one. Whoever has one assessment has no path yet.
pairs as (
    select instrument, year as since, next_year as before, first_id, assessment_id as last_id
    from int_placed
    where is_last_of_year and place > 1
),

years as (select distinct instrument, year from int_placed),

outcomes as (select * from int_outcomes),

levels as (select * from int_outcome_names where target not in ('profile', 'people')),

-- Both ends come to levels on the same scale: which ones can is known before people are looked at.
steps as (
    select
        earlier.cell as from_cell, later.cell as to_cell, later.target as scale, earlier.outcome as from_level,
        later.outcome as to_level
    from levels as later
    inner join levels as earlier on earlier.target = later.target
),

found as (
    select pairs.instrument, pairs.since, pairs.before, earlier.cell as from_cell, later.cell as to_cell
    from pairs
    inner join outcomes as later on later.assessment_id = pairs.last_id
    inner join outcomes as earlier on earlier.assessment_id = pairs.first_id
),

-- The same path holds for several periods: counted first, then given to each.
counted as (
    select instrument, since, before, from_cell, to_cell, count(*) as people
    from found
    group by instrument, since, before, from_cell, to_cell
),

named as (
    select
        counted.instrument, counted.since, counted.before, steps.scale, steps.from_level, steps.to_level, counted.people
    from counted
    inner join steps on steps.from_cell = counted.from_cell and steps.to_cell = counted.to_cell
),

periods as (
    select
        cast(years.year as varchar) as period, named.instrument, named.scale, named.from_level, named.to_level,
        named.people
    from named
    inner join years
        on years.instrument = named.instrument
        and years.year >= named.since
        and (named.before is null or years.year < named.before)
    union all
    select 'all' as period, instrument, scale, from_level, to_level, people
    from named
    where before is null
),

final as (
    select period, instrument, scale, from_level, to_level, cast(sum(people) as bigint) as people
    from periods
    group by period, instrument, scale, from_level, to_level
)

select * from final
order by period, instrument, scale, from_level, to_level
