-- How often each item was answered with each option, and how often with each kind of missing.
with

counts as (select * from int_item_counts),

-- The last assessment of a year that is also the last of all stands in two periods.
by_period as (
    select cast(year as varchar) as period, instrument, version, item, value, people
    from counts
    union all
    select 'all' as period, instrument, version, item, value, people
    from counts
    where is_last = 1
),

final as (
    select
        period,
        instrument,
        cast(version as bigint) as version,
        item,
        cast(value as bigint) as value,
        case value
            when -1 then 'not_answered'
            when -2 then 'not_assessable'
            when -3 then 'refused'
            else 'answered'
        end as kind,
        cast(sum(people) as bigint) as people
    from by_period
    group by period, instrument, version, item, value
)

select * from final
order by period, instrument, version, item, value
