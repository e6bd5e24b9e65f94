-- Cronbach's alpha (Cronbach 1951, doi 10.1007/BF02310555) of each scale over people who answered all of its items:
-- k / (k - 1) * (1 - sum of item variances / variance of the total). Sums are whole numbers; one division at the end.
with

complete as (select * from int_complete),

answers as (select * from stg_answers where value >= 0),

points as (select * from ref_points),

of_totals as (
    select
        instrument, version, scale, max(items) as items,
        count(*) as cases,
        count(*) * sum(points * points) - sum(points) * sum(points) as spread
    from complete
    group by instrument, version, scale
),

scales as (select distinct instrument, version, scale, bit from complete),

patterns as (
    select instrument, version, assessment_id, cast(sum(bit) as bigint) as pattern
    from complete
    group by instrument, version, assessment_id
),

-- How often each option was chosen, by which scales are complete: few rows, whatever the number of people.
chosen as (
    select patterns.instrument, patterns.version, patterns.pattern, answers.item, answers.value, count(*) as cases
    from answers
    inner join patterns on patterns.assessment_id = answers.assessment_id
    group by patterns.instrument, patterns.version, patterns.pattern, answers.item, answers.value
),

of_items as (
    select
        points.instrument, points.version, points.scale, points.item,
        sum(chosen.cases) * sum(chosen.cases * points.points * points.points)
        - sum(chosen.cases * points.points) * sum(chosen.cases * points.points) as spread
    from chosen
    inner join points
        on points.instrument = chosen.instrument
        and points.version = chosen.version
        and points.item = chosen.item
        and points.value = chosen.value
    inner join scales
        on scales.instrument = points.instrument
        and scales.version = points.version
        and scales.scale = points.scale
        and mod(cast(floor(chosen.pattern / scales.bit) as bigint), 2) = 1
    group by points.instrument, points.version, points.scale, points.item
),

item_sums as (
    select instrument, version, scale, sum(spread) as spread
    from of_items
    group by instrument, version, scale
),

final as (
    select
        of_totals.instrument,
        cast(of_totals.version as bigint) as version,
        of_totals.scale,
        cast(of_totals.items as bigint) as items,
        cast(of_totals.cases as bigint) as cases,
        case
            when of_totals.items > 1 and of_totals.spread > 0 then cast(
                round(
                    cast(1000000 as double) * of_totals.items / (of_totals.items - 1)
                    * (1 - cast(item_sums.spread as double) / cast(of_totals.spread as double))
                ) as bigint
            )
        end as alpha_millionths
    from of_totals
    inner join item_sums
        on item_sums.instrument = of_totals.instrument
        and item_sums.version = of_totals.version
        and item_sums.scale = of_totals.scale
)

select * from final
order by instrument, version, scale
