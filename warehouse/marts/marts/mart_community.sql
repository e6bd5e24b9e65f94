-- People by category of a characteristic and outcome.
with

latest as (select * from int_latest),

outcomes as (select * from int_outcomes),

names as (select * from int_outcome_names),

all_disadvantages as (select * from disadvantages),

in_cells as (
    select latest.*, outcomes.cell
    from latest
    inner join outcomes on outcomes.assessment_id = latest.assessment_id
),

-- One pass over people for all characteristics; in each set the others are absent, and a category never is.
counted as (
    select period, instrument, cell, age_band, sex, education, citizenship, household, work, count(*) as people
    from in_cells
    group by grouping sets (
        (period, instrument, cell, age_band), (period, instrument, cell, sex), (period, instrument, cell, education),
        (period, instrument, cell, citizenship), (period, instrument, cell, household),
        (period, instrument, cell, work)
    )
),

characteristics as (
    select
        period,
        instrument,
        cell,
        case
            when age_band is not null then 'age_band'
            when sex is not null then 'sex'
            when education is not null then 'education'
            when citizenship is not null then 'citizenship'
            when household is not null then 'household'
            else 'work'
        end as characteristic,
        coalesce(age_band, sex, education, citizenship, household, work) as category,
        people
    from counted
),

-- Whoever has several is in several rows.
categories as (
    select
        in_cells.period,
        in_cells.instrument,
        in_cells.cell,
        case
            when in_cells.is_disadvantage_known = 0 then 'unknown'
            else coalesce(all_disadvantages.category, 'none')
        end as category
    from in_cells
    left join all_disadvantages on all_disadvantages.assessment_id = in_cells.assessment_id
),

by_category as (
    select period, instrument, cell, 'disadvantage' as characteristic, category, count(*) as people
    from categories
    group by period, instrument, cell, category
),

together as (
    select * from characteristics
    union all
    select * from by_category
),

final as (
    select
        together.period, together.instrument, together.characteristic, together.category, names.target, names.outcome,
        cast(together.people as bigint) as people
    from together
    inner join names on names.cell = together.cell
)

select * from final
order by period, instrument, characteristic, category, target, outcome
