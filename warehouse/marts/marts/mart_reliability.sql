-- Cronbach's alpha (Cronbach 1951, doi 10.1007/BF02310555) of each scale over people who answered all of its items:
-- k / (k - 1) * (1 - sum of item variances / variance of the total). Sums are whole numbers; one division at the end.
with

points as (select * from int_item_points),

items as (
    select instrument, version, scale, count(distinct item) as items
    from ref_points
    group by instrument, version, scale
),

totals as (
    select points.instrument, points.version, points.scale, points.assessment_id, sum(points.points) as total
    from points
    inner join items
        on items.instrument = points.instrument and items.version = points.version and items.scale = points.scale
    group by points.instrument, points.version, points.scale, points.assessment_id, items.items
    having count(*) = items.items
),

of_totals as (
    select
        instrument, version, scale,
        count(*) as cases,
        count(*) * sum(total * total) - sum(total) * sum(total) as spread
    from totals
    group by instrument, version, scale
),

of_items as (
    select
        points.instrument, points.version, points.scale, points.item,
        count(*) * sum(points.points * points.points) - sum(points.points) * sum(points.points) as spread
    from points
    inner join totals
        on totals.assessment_id = points.assessment_id and totals.scale = points.scale
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
        cast(items.items as bigint) as items,
        cast(of_totals.cases as bigint) as cases,
        case
            when items.items > 1 and of_totals.spread > 0 then cast(
                round(
                    cast(1000000 as double) * items.items / (items.items - 1)
                    * (1 - cast(item_sums.spread as double) / cast(of_totals.spread as double))
                ) as bigint
            )
        end as alpha_millionths
    from of_totals
    inner join item_sums
        on item_sums.instrument = of_totals.instrument
        and item_sums.version = of_totals.version
        and item_sums.scale = of_totals.scale
    inner join items
        on items.instrument = of_totals.instrument
        and items.version = of_totals.version
        and items.scale = of_totals.scale
)

select * from final
order by instrument, version, scale
