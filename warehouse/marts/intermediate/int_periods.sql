-- One row per assessment and period: its calendar year, and all years together.
with

all_assessments as (select * from assessments),

by_year as (
    select *, cast(extract(year from assessed_on) as varchar) as period
    from all_assessments
),

all_years as (
    select *, 'all' as period
    from all_assessments
)

select * from by_year
union all
select * from all_years
