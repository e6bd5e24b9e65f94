-- How each item goes along with the others of its scale.
with

item_rest as (select * from int_item_rest),

final as (
    select
        instrument,
        cast(version as bigint) as version,
        scale,
        item,
        cast(cases as bigint) as cases,
        cast(correlation_millionths as bigint) as correlation_millionths
    from item_rest
)

select * from final
order by instrument, version, scale, item
