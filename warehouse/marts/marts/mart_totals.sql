-- People and assessments of a period.
with

all_assessments as (select *, extract(year from assessed_on) as year from assessments),

placed as (select * from int_placed),

counts as (
    select
        year,
        instrument,
        count(*) as assessments,
        count(*) filter (where origin = 'import') as imported,
        min(assessed_on) as first_on,
        max(assessed_on) as last_on
    from all_assessments
    group by grouping sets ((instrument, year), (instrument))
),

-- Whose first assessment is in the year of the one that counts: nobody knew them before that year.
people as (
    select
        year,
        instrument,
        count(*) as people,
        count(*) filter (where cast(floor((first_quarter - 1) / 4) as integer) = year) as of_first_year
    from placed
    where is_last_of_year
    group by year, instrument
    union all
    select
        null as year,
        instrument,
        count(*) as people,
        count(*) filter (where cast(floor((first_quarter - 1) / 4) as integer) = year) as of_first_year
    from placed
    where is_last
    group by instrument
),

-- People who were assessed for the second time in a year: from then on they count as assessed again.
seconds as (
    select instrument, year, count(*) as people
    from placed
    where place = 2
    group by instrument, year
),

again as (
    select counts.instrument, counts.year, sum(seconds.people) as reassessed
    from counts
    inner join seconds
        on seconds.instrument = counts.instrument
        and (counts.year is null or seconds.year <= counts.year)
    group by counts.instrument, counts.year
),

final as (
    select
        coalesce(cast(counts.year as varchar), 'all') as period,
        counts.instrument,
        cast(people.people as bigint) as people,
        cast(counts.assessments as bigint) as assessments,
        cast(counts.imported as bigint) as imported,
        cast(coalesce(again.reassessed, 0) as bigint) as reassessed,
        cast(people.of_first_year as bigint) as of_first_year,
        counts.first_on,
        counts.last_on
    from counts
    inner join people
        on people.instrument = counts.instrument
        and coalesce(people.year, 0) = coalesce(counts.year, 0)
    left join again
        on again.instrument = counts.instrument
        and coalesce(again.year, 0) = coalesce(counts.year, 0)
)

select * from final
order by period, instrument
