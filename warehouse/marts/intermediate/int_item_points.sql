-- One row per person's last assessment, scale and answered item that counts for the scale: its points, reversed keys included.
with

latest as (select * from int_latest where period = 'all'),

answers as (select * from stg_answers where value >= 0),

points as (select * from ref_points),

final as (
    select latest.instrument, latest.version, latest.assessment_id, points.scale, points.item, points.points
    from latest
    inner join answers on answers.assessment_id = latest.assessment_id
    inner join points
        on points.instrument = latest.instrument
        and points.version = latest.version
        and points.item = answers.item
        and points.value = answers.value
)

select * from final
