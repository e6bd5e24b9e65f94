-- How long after the first assessment people are assessed again, by quarter of the first.
with

firsts as (
    select instrument, first_quarter as cohort, next_quarter - quarter as quarters
    from int_placed
    where place = 1
),

final as (
    select
        cast(cast(floor((cohort - 1) / 4) as integer) as varchar)
        || '-Q'
        || cast((cohort - 1) % 4 + 1 as varchar) as cohort,
        instrument,
        cast(coalesce(quarters, -1) as bigint) as quarters_to_second,
        cast(count(*) as bigint) as people
    from firsts
    group by cohort, instrument, quarters
)

select * from final
order by cohort, instrument, quarters_to_second
