-- From the first to the last level of people assessed twice or more, up to the end of a period.
with

all_assessments as (select * from assessments),

periods as (select distinct period, instrument from int_periods),

outcomes as (select * from int_outcomes where target not in ('profile', 'people')),

ever as (
    select
        periods.period, all_assessments.instrument, all_assessments.pseudonym, all_assessments.assessment_id,
        all_assessments.assessed_on, all_assessments.validated_at
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

-- One line per end and scale, then both ends side by side: a join of outcomes with outcomes could be made first, and is square.
ends as (
    select period, instrument, pseudonym, assessment_id, 'first' as which from placed where from_first = 1
    union all
    select period, instrument, pseudonym, assessment_id, 'last' as which from placed where from_last = 1
),

levels as (
    select
        ends.period, ends.instrument, ends.pseudonym, outcomes.target as scale,
        max(case when ends.which = 'first' then outcomes.outcome end) as from_level,
        max(case when ends.which = 'last' then outcomes.outcome end) as to_level
    from ends
    inner join outcomes on outcomes.assessment_id = ends.assessment_id
    group by ends.period, ends.instrument, ends.pseudonym, outcomes.target
    having count(distinct ends.assessment_id) = 2
),

final as (
    select period, instrument, scale, from_level, to_level, cast(count(*) as bigint) as people
    from levels
    where from_level is not null and to_level is not null
    group by period, instrument, scale, from_level, to_level
)

select * from final
order by period, instrument, scale, from_level, to_level
