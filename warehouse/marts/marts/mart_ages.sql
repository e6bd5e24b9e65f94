-- People by sex and age band: beside the residents of the same ages they make a pyramid.
with

latest as (select * from int_latest),

final as (
    select period, instrument, sex, age_band, cast(count(*) as bigint) as people
    from latest
    group by period, instrument, sex, age_band
)

select * from final
order by period, instrument, sex, age_band
