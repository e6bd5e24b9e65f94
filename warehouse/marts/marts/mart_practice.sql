-- How each operator works: what is left unanswered, how long until validation, how often the result is confirmed.
with

all_assessments as (select *, extract(year from assessed_on) as year from assessments),

missing as (select * from int_missing),

-- When an import became valid says when it was brought, not how long anybody worked. The first hours of a day here are still
-- the day before by UTC: never less than no day.
sheets as (
    select
        all_assessments.*,
        missing.not_answered,
        missing.not_assessable,
        missing.refused,
        case
            when origin = 'portal'
            then greatest(cast(floor(validated_at / 86400) as bigint) - (assessed_on - date '1970-01-01'), 0)
        end as days
    from all_assessments
    left join missing on missing.assessment_id = all_assessments.assessment_id
),

counted as (
    select
        year,
        operator,
        instrument,
        count(*) as assessments,
        sum(count_items) as items_asked,
        sum(not_answered) as not_answered,
        sum(not_assessable) as not_assessable,
        sum(refused) as refused,
        count(days) as timed,
        percentile_disc(0.25) within group (order by days) as days_q1,
        percentile_disc(0.5) within group (order by days) as days_median,
        percentile_disc(0.75) within group (order by days) as days_q3,
        count(*) filter (where evaluation = 'confirmed') as confirmed,
        count(*) filter (where evaluation = 'overridden') as overridden,
        count(*) filter (where evaluation = 'absent') as evaluation_absent
    from sheets
    group by grouping sets ((year, operator, instrument), (operator, instrument))
),

final as (
    select
        coalesce(cast(year as varchar), 'all') as period,
        operator,
        instrument,
        cast(assessments as bigint) as assessments,
        cast(items_asked as bigint) as items_asked,
        cast(coalesce(not_answered, 0) as bigint) as not_answered,
        cast(coalesce(not_assessable, 0) as bigint) as not_assessable,
        cast(coalesce(refused, 0) as bigint) as refused,
        cast(timed as bigint) as timed,
        cast(days_q1 as bigint) as days_q1,
        cast(days_median as bigint) as days_median,
        cast(days_q3 as bigint) as days_q3,
        cast(confirmed as bigint) as confirmed,
        cast(overridden as bigint) as overridden,
        cast(evaluation_absent as bigint) as evaluation_absent
    from counted
)

select * from final
order by period, operator, instrument
