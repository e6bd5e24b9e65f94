-- One row per assessment that is somebody's last in a year: whether it is their last of all, and where they stand among all.
with

lasts as (select * from int_placed where is_last_of_year),

final as (
    select
        assessment_id,
        year,
        cast(is_last as integer) as is_last,
        dense_rank() over (order by pseudonym) as place
    from lasts
)

select * from final
