-- People and assessments of a period.
with

periods as (select * from int_periods),

counts as (
    select
        period,
        instrument,
        count(distinct pseudonym) as people,
        count(*) as assessments,
        count(*) filter (where origin = 'import') as imported,
        min(assessed_on) as first_on,
        max(assessed_on) as last_on
    from periods
    group by period, instrument
),

ever as (
    select counts.period, counts.instrument, assessments.pseudonym
    from counts
    inner join assessments
        on assessments.instrument = counts.instrument
        and (counts.period = 'all' or cast(extract(year from assessments.assessed_on) as varchar) <= counts.period)
    group by counts.period, counts.instrument, assessments.pseudonym
    having count(*) > 1
),

again as (
    select period, instrument, count(*) as reassessed
    from ever
    group by period, instrument
),

final as (
    select
        counts.period,
        counts.instrument,
        cast(counts.people as bigint) as people,
        cast(counts.assessments as bigint) as assessments,
        cast(counts.imported as bigint) as imported,
        cast(coalesce(again.reassessed, 0) as bigint) as reassessed,
        counts.first_on,
        counts.last_on
    from counts
    left join again on again.period = counts.period and again.instrument = counts.instrument
)

select * from final
order by period, instrument
