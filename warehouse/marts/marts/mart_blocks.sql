-- People by minimum condition that is missing, in the whole Ente and by comune of residence.
with

latest as (select * from int_latest),

all_blocks as (select assessment_id, block from blocks),

missing as (
    select latest.period, latest.instrument, latest.comune, all_blocks.block
    from latest
    inner join all_blocks on all_blocks.assessment_id = latest.assessment_id
),

final as (
    select
        period,
        instrument,
        coalesce(comune, 'all') as comune,
        block,
        cast(count(*) as bigint) as people
    from missing
    group by grouping sets ((period, instrument, comune, block), (period, instrument, block))
)

select * from final
order by period, instrument, comune, block
