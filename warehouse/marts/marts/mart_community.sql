-- People by category of a characteristic and outcome.
with

latest as (select * from int_latest),

outcomes as (select * from int_outcomes),

all_disadvantages as (select * from disadvantages),

with_outcome as (
    select latest.*, outcomes.target, outcomes.outcome
    from latest
    inner join outcomes on outcomes.assessment_id = latest.assessment_id
),

-- Four texts are one number while people are counted.
cells as (
    select *, row_number() over (order by period, instrument, target, outcome) as cell
    from (select distinct period, instrument, target, outcome from with_outcome) as distinct_cells
),

in_cells as (
    select with_outcome.*, cells.cell
    from with_outcome
    inner join cells
        on cells.period = with_outcome.period
        and cells.instrument = with_outcome.instrument
        and cells.target = with_outcome.target
        and cells.outcome = with_outcome.outcome
),

-- One pass over people for all characteristics; in each set the others are absent, and a category never is.
counted as (
    select cell, age_band, sex, education, citizenship, household, work, count(*) as people
    from in_cells
    group by grouping sets (
        (cell, age_band), (cell, sex), (cell, education), (cell, citizenship), (cell, household), (cell, work)
    )
),

characteristics as (
    select
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
        in_cells.cell,
        case
            when in_cells.is_disadvantage_known = 0 then 'unknown'
            else coalesce(all_disadvantages.category, 'none')
        end as category
    from in_cells
    left join all_disadvantages on all_disadvantages.assessment_id = in_cells.assessment_id
),

by_category as (
    select cell, 'disadvantage' as characteristic, category, count(*) as people
    from categories
    group by cell, category
),

together as (
    select * from characteristics
    union all
    select * from by_category
),

final as (
    select
        cells.period, cells.instrument, together.characteristic, together.category, cells.target, cells.outcome,
        cast(together.people as bigint) as people
    from together
    inner join cells on cells.cell = together.cell
)

select * from final
order by period, instrument, characteristic, category, target, outcome
