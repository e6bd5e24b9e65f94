-- From the first to the last level of people assessed twice or more, up to the end of a period.
with

all_assessments as (select * from assessments),

periods as (select distinct period, instrument from int_periods),

outcomes as (select * from int_outcomes where target not in ('profile', 'people')),

ever as (
    select periods.period, all_assessments.*
    from periods
    inner join all_assessments
        on all_assessments.instrument = periods.instrument
        and (periods.period = 'all' or cast(extract(year from all_assessments.assessed_on) as varchar) <= periods.period)
),

placed as (
    select
        period, instrument, pseudonym, assessment_id,
        row_number() over (
            partition by period, instrument, pseudonym order by assessed_on, validated_at, assessment_id
        ) as from_first,
        row_number() over (
            partition by period, instrument, pseudonym
            order by assessed_on desc, validated_at desc, assessment_id desc
        ) as from_last
    from ever
),

ends as (
    select opening.period, opening.instrument, opening.assessment_id as first_id, closing.assessment_id as last_id
    from placed as opening
    inner join placed as closing
        on closing.period = opening.period
        and closing.instrument = opening.instrument
        and closing.pseudonym = opening.pseudonym
        and closing.from_last = 1
    where opening.from_first = 1 and opening.assessment_id <> closing.assessment_id
),

final as (
    select
        ends.period,
        ends.instrument,
        earlier.target as scale,
        earlier.outcome as from_level,
        later.outcome as to_level,
        cast(count(*) as bigint) as people
    from ends
    inner join outcomes as earlier on earlier.assessment_id = ends.first_id
    inner join outcomes as later on later.assessment_id = ends.last_id and later.target = earlier.target
    group by ends.period, ends.instrument, earlier.target, earlier.outcome, later.outcome
)

select * from final
order by period, instrument, scale, from_level, to_level
