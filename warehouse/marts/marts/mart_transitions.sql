-- From one level to the next, for every two assessments of a person that follow each other.
with

placed as (select * from int_placed where before_id is not null),

outcomes as (select * from int_outcomes),

levels as (select * from int_outcome_names where target not in ('profile', 'people')),

-- Both ends come to levels on the same scale: which ones can is known before people are looked at.
steps as (
    select
        earlier.cell as from_cell, later.cell as to_cell, later.target as scale, earlier.outcome as from_level,
        later.outcome as to_level
    from levels as later
    inner join levels as earlier on earlier.target = later.target
),

found as (
    select placed.year, placed.instrument, earlier.cell as from_cell, later.cell as to_cell
    from placed
    inner join outcomes as later on later.assessment_id = placed.assessment_id
    inner join outcomes as earlier on earlier.assessment_id = placed.before_id
),

counted as (
    select year, instrument, from_cell, to_cell, count(*) as transitions
    from found
    group by year, instrument, from_cell, to_cell
),

named as (
    select counted.year, counted.instrument, steps.scale, steps.from_level, steps.to_level, counted.transitions
    from counted
    inner join steps on steps.from_cell = counted.from_cell and steps.to_cell = counted.to_cell
),

final as (
    select
        coalesce(cast(year as varchar), 'all') as period, instrument, scale, from_level, to_level,
        cast(sum(transitions) as bigint) as transitions
    from named
    group by grouping sets (
        (year, instrument, scale, from_level, to_level), (instrument, scale, from_level, to_level)
    )
)

select * from final
order by period, instrument, scale, from_level, to_level
